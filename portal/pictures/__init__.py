"""Pictures that a practice gives: checked, made anew, kept in the database, attached to mail."""
