"""What needs a person: locks, "not me", mails that failed (the list on the staff's first page)."""
