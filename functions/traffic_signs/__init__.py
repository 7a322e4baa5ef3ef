"""The traffic_flow function."""
