"""Log-ons: server-side, ended by log-out, idleness, age, or staff (ASVS 7)."""
