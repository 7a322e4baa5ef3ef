"""The security_event function."""
