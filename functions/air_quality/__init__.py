"""The air_quality function."""
