"""Who may read their chart: grants, and the one portal status that follows from them."""
