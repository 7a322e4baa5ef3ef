"""SECURITY.md promises nothing that no test holds."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "SECURITY.md").read_text()
ROWS = re.findall(r"^\| \*\*(API\d+|ML\d+)\*\* (.*?) \| (.*) \| (.*) \|$", PAGE, re.MULTILINE)


def functions_in(name: str) -> set[str]:
    """The functions of test files with this name."""
    files = [path for path in (ROOT / "tests").rglob(name) if "__pycache__" not in path.parts]
    trees = [ast.parse(file.read_text()) for file in files]
    return {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_threat_of_both_lists_has_its_row() -> None:
    """Ten of APIs and ten of machine learning, each once, in order."""
    assert [row[0] for row in ROWS] == [
        *(f"API{number}" for number in range(1, 11)),
        *(f"ML{number:02}" for number in range(1, 11)),
    ]


@pytest.mark.parametrize(("threat", "named"), [(row[0], row[3]) for row in ROWS])
def test_every_test_that_is_named_exists(threat: str, named: str) -> None:
    """Each row names tests, by file and function, and they are there."""
    references = re.findall(r"`(test_\w+\.py)::(test_\w+)`", named)
    assert references, threat
    assert re.sub(r"`test_\w+\.py::test_\w+`", "", named).strip() == ""
    for file, function in references:
        assert function in functions_in(file), f"{threat}: {file}::{function}"


def test_links_lead_somewhere() -> None:
    """Pages that it refers to are there."""
    for path in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / path).is_file(), path
