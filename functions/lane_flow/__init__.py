"""The function of lane_flow."""
