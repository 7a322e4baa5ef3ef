"""Training of the air_quality model."""
