"""Training of the security_event model."""
