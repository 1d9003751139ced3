"""What goes out by itself because of an appointment: confirmations, reminders, invitations (4.3)."""
