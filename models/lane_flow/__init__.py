"""Training of lane_flow."""
