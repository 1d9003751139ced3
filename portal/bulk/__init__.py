"""Acts upon many patients at once: preview, run, progress, report (7)."""
