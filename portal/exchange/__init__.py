"""The practice's data in and out (product 12). Readers are pure; only ``service`` touches the
database."""
