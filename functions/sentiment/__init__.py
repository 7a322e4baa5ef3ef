"""The sentiment function."""
