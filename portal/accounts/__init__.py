"""Portal accounts: the log-ons of patients and caregivers, and the charts they hold."""
