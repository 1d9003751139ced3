"""The practice's appointments: its offices and lists, the day's schedule, visit notes, what patients ask for (4.1)."""
