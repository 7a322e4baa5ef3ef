"""Training of public_safety."""
