"""`python -m cli`: the `maas` command where it is not installed, as in the training image."""

from cli.main import app

app()
