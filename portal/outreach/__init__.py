"""What goes out by itself because of an appointment (4.3): confirmations, reminders, invitations."""
