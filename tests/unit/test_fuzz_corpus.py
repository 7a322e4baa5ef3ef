"""The fuzzer itself: repeatable, of every kind, and no server that breaks gets past it."""

from itertools import islice

import pytest

from tests import tiny_model
from tests.fuzz import run as runner
from tests.fuzz.corpus import FIRST, SECOND, requests
from tests.fuzz.request import Request
from tests.fuzz.run import Call, Got, run
from tests.fuzz.target import target_of
from tests.tiny_requests import FULL

TARGET = target_of(tiny_model.endpoint(), {"note": "", **FULL[0]})


def test_requests_are_repeatable() -> None:
    """A seed is enough to send the same again; another one sends something else."""
    first, again, other = (list(islice(requests(TARGET, seed), 300)) for seed in (7, 7, 8))
    assert first == again
    assert first != other
    assert len({request.kind for request in first}) >= len(FIRST) + len(SECOND) - 2


def crashing(_: Request) -> Got:
    return Got(500, {"Content-Type": "application/json"}, b'{"error": "Internal server error"}')


def telltale(_: Request) -> Got:
    body = b'{"error": "/inputs: Traceback (most recent call last)"}'
    return Got(400, {"Content-Type": "application/json"}, body)


def vague(request: Request) -> Got:
    second = request.path.startswith("/v2/")
    body = b'{"error": "bad"}' if second else b'{"type": "t", "status": 400, "detail": "bad"}'
    return Got(400, {"content-type": f"application/{'json' if second else 'problem+json'}"}, body)


def web_page(_: Request) -> Got:
    return Got(404, {"Content-Type": "text/html"}, b"<h1>Not found</h1>")


def verbose(_: Request) -> Got:
    return Got(422, {"Content-Type": "application/json"}, b'{"error": "/inputs: ' + b"x" * 30_000 + b'"}')


@pytest.mark.parametrize(
    ("server", "word"),
    [
        (crashing, "500"),
        (telltale, "behind"),
        (vague, "names no place"),
        (web_page, "text/html"),
        (verbose, "bytes"),
    ],
)
def test_faults_are_found_and_kept(
    server: Call, word: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verdict is no formality: servers that answer as many do are found out, their requests saved."""
    folder = tmp_path_factory.mktemp("fuzz")
    monkeypatch.setattr(runner, "SAVED", folder)
    report = run(TARGET, server, count=60, seed=3)
    assert any(word in found for found in report.faults)
    assert "seed 3" in report.faults[0]
    assert len(list(folder.iterdir())) == len(report.faults) <= 20
    assert report.asked == 60


def test_good_servers_pass(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who answers everything has no faults."""
    monkeypatch.setattr(runner, "SAVED", tmp_path_factory.mktemp("fuzz") / "none")
    report = run(TARGET, lambda _: Got(200, {}, b"{}"), count=60)
    assert report.faults == []
    assert not runner.SAVED.exists()
