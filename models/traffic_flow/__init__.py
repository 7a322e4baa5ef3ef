"""Training of the traffic_flow model."""
