"""Explanations: what each part of a record adds to one answer, computed in the model's own function."""
