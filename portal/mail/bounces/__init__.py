"""What comes back: reading returned mail, and what follows from it for the row that it names."""
