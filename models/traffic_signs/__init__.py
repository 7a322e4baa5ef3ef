"""Training of the traffic_signs model."""
