"""The shared layer: preprocessing, metrics, registry client, inference runtime and protocols."""

__version__ = "0.1.0"
