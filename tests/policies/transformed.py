"""Prints what SAM makes of the template, for linters: `python -m tests.policies.transformed [NAME=VALUE]`."""

import json
import logging
import os
import sys

from tests.policies.template import transformed


def main(arguments: list[str]) -> None:
    """Write the transformed template to standard output as JSON; arguments are its parameters."""
    logging.disable()  # the translator talks about its own switches
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")  # the transform asks for one
    chosen = dict(argument.split("=", 1) for argument in arguments)
    json.dump(transformed(**chosen).whole, sys.stdout, indent=1)


if __name__ == "__main__":
    main(sys.argv[1:])
