"""Training of the diagnosis model."""
