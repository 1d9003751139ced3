"""Practices, the people who work there, and the providers of care."""
