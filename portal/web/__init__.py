"""What both doors share: log-ons, htmx, errors, headers, language, template filters."""
