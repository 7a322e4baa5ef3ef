"""`python -m models <model>`: train one model and write its card."""

import argparse
import sys
from pathlib import Path

from models.card import write_card
from models.catalogue import discover, find
from models.job import train
from models.publication import write


def main(arguments: list[str] | None = None) -> None:
    """Train, write the card and, if asked, the artifact and the manifest."""
    parser = argparse.ArgumentParser(prog="python -m models", description=__doc__)
    parser.add_argument("model", choices=list(discover()))
    parser.add_argument("--data", help="a path or an s3:// address; a simulated sample without it")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--card", type=Path, help="the card's folder; by default the model's own")
    parser.add_argument("--out", type=Path, help="a folder for artifact and manifest")
    options = parser.parse_args(arguments)
    recipe = find(options.model)
    trained = train(recipe, options.data, seed=options.seed, progress=_say)
    _say(f"card: {write_card(recipe, trained, options.card or Path(__file__).parent / options.model)}")
    if options.out is not None:
        write(trained, options.out)
        _say(f"version {trained.manifest.version}: {options.out}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
