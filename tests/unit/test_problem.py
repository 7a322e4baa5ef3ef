"""The tree of errors, and how both dialects say each of them."""

import inspect
import json
import re
from collections import Counter
from http import HTTPStatus
from typing import Any

import pytest

from maas import errors
from maas.errors import FieldError, InvalidRecord, MaasError, MethodNotAllowed, Unavailable
from maas.protocol.problem import is_v2, reply


def tree(root: type[MaasError] = MaasError) -> list[type[MaasError]]:
    """All errors of the package, the root first."""
    return [root, *(error for child in root.__subclasses__() for error in tree(child))]


ERRORS = [error for error in tree() if error.__module__ == errors.__name__]
PLACES = [FieldError("/instances/0/rain", "Input should be a number"), FieldError("/instances/1", "odd")]


def make(kind: type[MaasError], detail: str = "A sentence.") -> MaasError:
    more: dict[str, Any] = {"allow": ["GET", "HEAD"]} if issubclass(kind, MethodNotAllowed) else {}
    return kind(detail, **more)


def test_the_tree_is_discovered() -> None:
    """Every class of the module is in the tree, so the checks below see all of them."""
    classes = {kind for _, kind in inspect.getmembers(errors, inspect.isclass)}
    assert set(ERRORS) == {kind for kind in classes if issubclass(kind, Exception)}


def test_docstring_lists_every_error_with_its_place() -> None:
    """The tree at the top of errors.py is the tree that is there, statuses included."""
    drawn: dict[str, str | None] = {}
    statuses: dict[str, int] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^([│ ├└─]*)([A-Z]\w+)(?: (\d{3}))?(?:  |$)", line)
        if found is None:
            continue
        depth = len(found[1]) // 4
        path = [*path[:depth], found[2]]
        drawn[found[2]] = path[depth - 1] if depth else None
        if found[3]:
            statuses[found[2]] = int(found[3])
    real = {
        kind.__name__: kind.__base__.__name__ for kind in ERRORS if kind.__base__ and kind is not MaasError
    }
    assert drawn == {"MaasError": None, **real}
    for kind in ERRORS:
        if kind.__name__ in statuses:
            assert kind.status == statuses[kind.__name__]
        elif kind is not MaasError:
            assert "status" not in vars(kind)


def test_codes_and_titles_are_unique() -> None:
    """A code means one thing; only the base of our own faults shares that of the root."""
    kinds = [kind for kind in ERRORS if kind is not errors.MaasInternalError]
    for attribute in ("code", "title"):
        counted = Counter(getattr(kind, attribute) for kind in kinds)
        assert [value for value, number in counted.items() if number > 1] == []


@pytest.mark.parametrize("kind", ERRORS)
def test_problem_on_v1(kind: type[MaasError]) -> None:
    """V1 answers RFC 9457: type, title, status, detail, and the status of the response is the same."""
    answer = reply(make(kind), "/v1/models/x:predict")
    document = json.loads(answer.body)
    assert answer.media_type == "application/problem+json"
    assert answer.status == document["status"] == kind.status
    assert HTTPStatus(kind.status).is_client_error or HTTPStatus(kind.status).is_server_error
    assert document["title"] == kind.title
    assert ("A sentence." in document["detail"]) == (not kind.confidential)
    assert document["detail"]
    assert document["type"] == f"urn:maas:error:{kind.code}"
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.code)
    assert "errors" not in document


@pytest.mark.parametrize("kind", ERRORS)
def test_error_on_v2(kind: type[MaasError]) -> None:
    """V2 answers `{"error": text}`, and 400 for every kind of bad input."""
    answer = reply(make(kind), "/v2/models/x/infer")
    assert answer.media_type == "application/json"
    document = json.loads(answer.body)
    assert list(document) == ["error"]
    assert ("A sentence." in document["error"]) == (not kind.confidential)
    assert answer.status == (400 if kind is InvalidRecord else kind.status)


def test_what_names_our_own_things_is_for_the_log() -> None:
    """Every fault of ours but a plain lack of a version keeps its reason from callers."""
    ours = {kind for kind in ERRORS if kind.status >= 500}
    told = {kind.__name__ for kind in ours if not kind.confidential}
    assert told == {"MaasError", "Unavailable", "NoProductionVersion"}


def test_places_in_both_dialects() -> None:
    """V1 lists the places, V2 puts them into its one sentence, each once."""
    for detail in ("Bad record.", "/instances/0/rain: Input should be a number"):
        error = InvalidRecord(detail, errors=PLACES)
        document = json.loads(reply(error, "/v1/x").body)
        assert document["errors"] == [{"pointer": p.pointer, "detail": p.detail} for p in PLACES]
        sentence = json.loads(reply(error, "/v2/x").body)["error"]
        assert sentence.count("/instances/0/rain") == sentence.count("/instances/1: odd") == 1


def test_headers_say_what_to_do() -> None:
    """A 405 names the methods, a 503 when to come back."""
    assert reply(make(MethodNotAllowed), "/v1").headers == {"Allow": "GET, HEAD"}
    assert int(reply(make(Unavailable), "/v2").headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("path", "second"),
    [("/v2", True), ("/v2/", True), ("/v2/models", True), ("/v20", False), ("/v1/v2", False), ("/", False)],
)
def test_dialect_follows_the_path(path: str, second: bool) -> None:  # noqa: FBT001
    """Only /v2 and what is below it speaks the Open Inference Protocol."""
    assert is_v2(path) is second
