"""The console's page in Chinese: every word it says is in the dictionary, which has no others."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

import maas.errors
from functions.console.handler import STATIC
from maas.batch.job import Status
from maas.batch.names import Refused
from maas.errors import MaasError, TrainingError
from maas.explain.form import SCALES
from maas.pointer import Action
from tests.trained_models import endpoints

SCRIPTS = {
    path.name: path.read_text(encoding="utf-8")
    for path in STATIC.glob("*.js")
    if path.name not in {"chinese.js", "names.js"}
}
TEXT = r'"(?:[^"\\]|\\.)*"'
EXPLAINERS = Path(maas.errors.__file__).parent / "explain"


def dictionary(script: str) -> dict[str, str]:
    """A dictionary, which is JSON behind its first lines."""
    text = (STATIC / script).read_text(encoding="utf-8")
    found: dict[str, str] = json.loads(text[text.index("{") : text.rindex("}") + 1])
    return found


def problems(kind: type[MaasError]) -> Iterator[str]:
    """Titles of what the API may refuse with; nobody trains through it."""
    if kind.__module__ == "maas.errors" and not issubclass(kind, TrainingError):
        yield kind.title
    for below in kind.__subclasses__():
        yield from problems(below)


def gateways() -> set[str]:
    """Titles of what the gateway refuses with."""
    template = (STATIC.parents[2] / "template.yaml").read_text(encoding="utf-8")
    return set(re.findall(r'"type": "urn:maas:error:[^"]+", "title": "([^"]+)"', template))


def said() -> set[str]:
    """Every text that the scripts hand to t(): in words of their own, or by the names of what they show."""
    own = {
        text
        for script in SCRIPTS.values()
        for call in re.findall(rf"\bt\(((?:{TEXT}|[^()\"])*)", script)
        for text in re.findall(rf"(?<!name: )\"({TEXT[1:-1]})\"", call)
    }
    own |= set(re.findall(r'label: "([^"]+)"', SCRIPTS["app.js"]))
    own |= set(re.findall(r'"((?:not )?(?:ready|deployed)|unknown)"', SCRIPTS["catalogue.js"]))
    methods = {
        name
        for path in EXPLAINERS.glob("explainer.py")
        for line in re.findall(r"method=(.+),", path.read_text(encoding="utf-8"))
        for name in re.findall(r'"([a-z-]+)"', line)
    }
    states = {"ready", "broken", "unknown", "unpromoted", "waiting", *get_args(Status)}
    roles = {"production", "canary", "shadow", *get_args(Action)}
    downloads = {"result", "rejects", "report", "error"}
    scales = set(SCALES.values()) - {"answer"}
    return (
        own
        | methods
        | states
        | roles
        | downloads
        | scales
        | set(problems(MaasError))
        | gateways()
        | {Refused.title}
    )


def test_every_word_is_in_the_dictionary_and_no_other() -> None:
    """A new text without a translation fails, and so does a translation of a text that is gone."""
    known = set(dictionary("chinese.js"))
    assert said() - known == set()
    assert known - said() == set()


@pytest.mark.parametrize(("english", "translated"), dictionary("chinese.js").items())
def test_a_translation_keeps_the_places_for_values(english: str, translated: str) -> None:
    """What is filled in is filled in in both languages."""
    assert set(re.findall(r"\{\w+\}", translated)) == set(re.findall(r"\{\w+\}", english))


def test_models_with_a_chinese_name_have_them_for_all_their_fields() -> None:
    """Who is named in Chinese is so in full; no name is left over; others keep their contract's."""
    known = dictionary("names.js")
    contracts = {name: endpoint.contract for name, endpoint in endpoints().items() if name in known}
    assert len(contracts) >= 11
    fields = {
        field
        for contract in contracts.values()
        for kind in (contract.record, contract.prediction)
        for field in kind.model_fields
    }
    assert set(known) == set(contracts) | fields
