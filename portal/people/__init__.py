"""Patients as the practice knows them, and the rules of what identifies them."""
