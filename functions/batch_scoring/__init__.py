"""The batch_scoring function."""
