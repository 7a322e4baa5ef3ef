"""Training of congestion."""
