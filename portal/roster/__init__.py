"""The list of all patients, materialised: a row for each patient, and counters that move with it."""
