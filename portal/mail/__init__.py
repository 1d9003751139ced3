"""The outbox: every mail is a row first; workers send it, and the result is a row again (architecture, rule 2)."""
