"""docs/errors.md says of every code what the code says, and knows no other.

That each of them is produced is shown in tests/integration/test_error_answers.py.
"""

import importlib
import pkgutil
import re
from functools import cache
from pathlib import Path

import maas
from maas.errors import MaasError, TrainingError

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
TEMPLATE = (ROOT / "template.yaml").read_text(encoding="utf-8")
# Codes that only the gateway answers; the words are in the template.
GATEWAY = set(re.findall(r"urn:maas:error:([a-z-]+)", TEMPLATE))


@cache
def kinds() -> dict[str, set[type[MaasError]]]:
    """The errors of the package by code."""
    for module in pkgutil.walk_packages(maas.__path__, "maas."):
        importlib.import_module(module.name)
    found: dict[str, set[type[MaasError]]] = {}
    pending: list[type[MaasError]] = [MaasError]
    while pending:
        kind = pending.pop()
        pending += kind.__subclasses__()
        if kind.__module__.startswith("maas."):
            found.setdefault(kind.code, set()).add(kind)
    return found


def rows() -> dict[str, tuple[str, str, str]]:
    """Status, cause and cure by code, as the page has them."""
    found = re.findall(r"^\| `([a-z-]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)
    assert len({code for code, *_ in found}) == len(found), "a code stands twice"
    return {code: (status, cause, cure) for code, status, cause, cure in found}


def section(title: str) -> set[str]:
    """The codes below a heading."""
    text = re.search(rf"^## {title}$(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert text is not None
    return set(re.findall(r"^\| `([a-z-]+)` \|", text[1], re.MULTILINE))


def test_page_lists_every_code_and_no_other() -> None:
    """A code that is added or taken away has to be written about."""
    assert rows().keys() == kinds().keys() | GATEWAY


def test_page_has_the_statuses() -> None:
    """Each with the status that it is answered with; V2's own where it differs."""
    for code, found in kinds().items():
        (status,) = {kind.status for kind in found}
        told = rows()[code][0]
        assert told == (f"{status}, on V2 400" if code == "invalid-record" else str(status))


def test_page_has_the_gateways_statuses() -> None:
    """The template's, where it sets one."""
    set_there = re.findall(r'urn:maas:error:([a-z-]+)", "title": "[^"]+", "status": (\d+)', TEMPLATE)
    assert set_there
    for code, status in set_there:
        assert status in rows()[code][0], code


def test_every_row_says_what_to_do() -> None:
    """A cause and a cure, each a sentence."""
    for code, (_, cause, cure) in rows().items():
        assert all(text[0].isupper() or text[0] == "`" for text in (cause, cure)), code
        assert all(text.endswith(".") for text in (cause, cure)), code


def test_gateway_and_training_stand_apart() -> None:
    """Who reads the page finds what can happen to them."""
    assert section("The gateway") == GATEWAY - kinds().keys()
    training = {
        code for code, found in kinds().items() if any(issubclass(kind, TrainingError) for kind in found)
    }
    assert training <= section("Files, training and commands")
