"""Bytes: both layers, each function, and what a further model adds.

python -m bench size
"""

import subprocess
from pathlib import Path
from typing import Any

from bench.environment import ROOT
from bench.progress import Progress

BUILD = ROOT / ".aws-sam" / "build"


def measure(progress: Progress) -> dict[str, Any]:
    """Sizes of what `sam build` left, in bytes.

    Raises:
        RuntimeError: Nothing was built yet.
    """
    progress("sizes", 0, 1)
    if not BUILD.is_dir():
        raise RuntimeError("`make build` first: the layers are measured as built")
    folders = sorted(folder for folder in BUILD.iterdir() if folder.is_dir())
    return {
        "layers": {folder.name: weigh(folder) for folder in folders if folder.name.endswith("Layer")},
        "functions": {folder.name: weigh(folder) for folder in folders if folder.name.endswith("Function")},
        "zipped": {folder.name: _zipped(folder) for folder in folders if folder.name.endswith("Layer")},
    }


def weigh(folder: Path) -> int:
    """The bytes of all files, as Lambda counts them."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _zipped(folder: Path) -> int:
    done = subprocess.run(["zip", "-qr9", "-", "."], cwd=folder, capture_output=True, check=True)
    return len(done.stdout)
