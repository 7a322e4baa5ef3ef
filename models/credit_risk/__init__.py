"""Training of the credit_risk model."""
