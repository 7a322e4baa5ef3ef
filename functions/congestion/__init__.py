"""The function of congestion."""
