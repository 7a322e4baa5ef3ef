"""The peers' own environments, made once from the pinned sets in requirements/bench-*.txt."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".bench"


def python(name: str) -> Path:
    """The interpreter of the environment `name`; made now if its pinned set is newer."""
    pinned, folder = ROOT / "requirements" / f"bench-{name}.txt", FOLDER / "environments" / name
    stamp, found = folder / ".made", folder / "bin" / "python"
    if not stamp.exists() or stamp.stat().st_mtime < pinned.stat().st_mtime:
        uv = Path(sys.executable).with_name("uv")
        install = ["--quiet", "--require-hashes", "--compile-bytecode", "--python", str(found)]
        for command in (
            [str(uv), "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
            [str(uv), "pip", "install", *install, "-r", str(pinned)],
        ):
            subprocess.run(command, check=True, cwd=ROOT)
        stamp.touch()
    return found


def versions(pinned: Path) -> dict[str, str]:
    """What a pinned set holds."""
    lines = pinned.read_text().splitlines()
    pairs = (line.split(" ")[0].split("==") for line in lines if "==" in line and line[0].isalpha())
    return {package: version for package, version in pairs}  # noqa: C416 - pairs are lists
