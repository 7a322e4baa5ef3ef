"""Anything may be sent to any model: no 5xx, no crash, no trace, each refusal names its place, no leak.

`make fuzz` sends a hundred thousand requests from a new seed, which it prints; MAAS_FUZZ_SEED repeats one.
"""

import contextlib
import gc
import os
import tracemalloc
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from maas.store import ObjectStore
from tests.contract.conftest import ServedModel
from tests.fuzz.corpus import FIRST, SECOND, requests
from tests.fuzz.request import Request
from tests.fuzz.run import COUNT, FULL, SEED, Got, run
from tests.fuzz.target import Target, target_of
from tests.trained_models import endpoints

EACH = COUNT // len(endpoints()) + 1 if FULL else 300
MEBIBYTE = 2**20


def call(served: ServedModel, request: Request) -> Got:
    """Through the handler, as the gateway would."""
    answer = served.call(request.method, request.path, request.body, request.headers)
    return Got(answer.status, answer.headers, answer.body)


@pytest.fixture
def quiet() -> Iterator[None]:
    """The functions' log lines go nowhere: kept, they would be most of the memory."""
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


@pytest.fixture
def target(served: ServedModel, monkeypatch: pytest.MonkeyPatch) -> Target:
    """The model; what requests leave behind is dropped, as moto would keep it in this process."""
    monkeypatch.setenv("MAAS_DATA_BUCKET", "data-for-fuzz")
    served.endpoint.__dict__.pop("settings", None)
    monkeypatch.setattr(served.endpoint, "data_store", Forgetful())
    return target_of(served.endpoint)


class Forgetful(ObjectStore):
    """A bucket that takes everything and has nothing."""

    def __init__(self) -> None:
        super().__init__("data-for-fuzz", lambda: None)  # type: ignore[arg-type, return-value]

    def put(self, key: str, body: bytes, **_: object) -> str:
        """Forget it."""
        return f"{len(key)}-{len(body)}"


@pytest.mark.usefixtures("quiet")
def test_nothing_breaks_a_model(served: ServedModel, target: Target) -> None:
    """Requests of every kind, from one seed."""
    report = run(target, lambda request: call(served, request), count=EACH)
    assert report.faults == [], f"seed {SEED}; the requests are in build/fuzz"
    assert report.asked == EACH
    kinds = {kind for kind, _ in report.statuses}
    assert len(kinds) >= len(FIRST) + len(SECOND) - 1
    # A corpus that is refused throughout would test one line.
    assert report.count(200, 300) > EACH // 20
    assert report.count(400, 500) > EACH // 3


@pytest.mark.usefixtures("quiet")
def test_memory_stays_flat(served: ServedModel, target: Target) -> None:
    """After a first round, another one leaves nothing behind."""
    rounds = [list(islice(requests(target, SEED + one), EACH // 3)) for one in (1, 2)]
    for request in rounds[0]:
        call(served, request)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for request in rounds[1]:
            call(served, request)
        gc.collect()
        left = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert left < MEBIBYTE
