"""The audit trail (12.3): who did what to whom, when, from where; append-only, one hash chain per practice."""
