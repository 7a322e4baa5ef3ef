"""The function of public_safety."""
