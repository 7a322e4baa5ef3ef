"""docs/adding-a-model.md, word for word, in a copy of the checkout."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "adding-a-model.md"
BIN = Path(sys.executable).parent
MADE = ("functions/diabetes_progression", "models/diabetes_progression")
ADOPTED = ("functions/finished_model", "models/finished_model")
# These make an environment or a stack of their own; what matters of the checks is run below instead.
ELSEWHERE = (
    "make check",
    'make test ARGS="tests/contract -k diabetes_progression"',
    "maas up",
    "maas train diabetes_progression --data build/diabetes.csv --promote",
    "maas predict diabetes_progression",
)


def commands() -> list[str]:
    """The page's commands in order."""
    blocks = re.findall(r"^```console\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The checkout's files, committed or about to be, without what is built or ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    return tmp_path


def run(copy: Path, command: str) -> None:
    """Run a command of the page in the copy, with the copy's packages before the checkout's."""
    environment = {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "PYTHONPATH": f"{copy}:{copy / 'layers' / 'common'}",
        "HOME": str(copy),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=copy, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def test_the_page_can_be_followed(copy: Path) -> None:
    """Every command of the page works, and what it makes passes lint, types, template and contract tests."""
    before = (copy / "template.yaml").read_text()
    followed = [command for command in commands() if command not in ELSEWHERE]
    assert len(followed) == len(commands()) - len(ELSEWHERE) > 5
    for command in followed:
        run(copy, command)
    made = " ".join((*MADE, *ADOPTED))
    run(copy, f"ruff check --no-cache {made}")
    run(copy, f"ruff format --no-cache --check {made}")
    run(copy, f"mypy --cache-dir build/mypy {made}")
    run(copy, "cfn-lint template.yaml")
    card = (copy / "models/diabetes_progression/README.md").read_text()
    assert "Measured data." in card
    assert "plots/candidates.svg" in card
    after = (copy / "template.yaml").read_text()
    for line in before.splitlines():
        assert line in after
    run(
        copy,
        "pytest -q -p no:cacheprovider tests/contract tests/architecture/test_template.py"
        " -k 'diabetes_progression or (finished_model and (agree or manifest or folder))'",
    )
