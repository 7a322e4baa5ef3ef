"""How much work a warm request is, counted in calls of functions: the same on every machine.

Time says more and is measured in bench/; these counts catch what doubles it. They are the calls of Python
and C functions between event and answer, for a tiny model. A budget is about half as much again as was
counted when it was set; whoever needs more raises it here, and says why in the commit.
"""

import io
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

import numpy as np
import pytest

from maas.contract import Contract
from maas.registry import Registry
from tests import tiny_model
from tests.lambda_events import Context, rest_event

PREDICT, INFER = "/v1/models/tiny:predict", "/v2/models/tiny/infer"
ONE_ROW, PER_ROW = 600, 0.5  # counted when set: 394, and 0.06


def calls(action: Callable[[], Any]) -> int:
    """How many functions `action` calls, in Python and in C."""
    counted = 0

    def count(_: Any, event: str, __: Any) -> None:
        nonlocal counted
        counted += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        action()
    finally:
        sys.setprofile(None)
    return counted


@pytest.fixture
def work(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], int]:
    """The work of a warm request with so many rows."""
    registry.promote("tiny", registry.publish(*tiny_model.version()), actor="tests", reason="")
    monkeypatch.setenv("MAAS_REFRESH_SECONDS", "3600")
    handler = tiny_model.endpoint()

    def request(rows: int) -> int:
        import json

        body = json.dumps({"instances": [tiny_model.instance()] * rows})
        event = rest_event("POST", PREDICT, body, {"Content-Type": "application/json"})
        with redirect_stdout(io.StringIO()):
            assert handler(event, Context())["statusCode"] == 200
            handler(event, Context())
            return calls(lambda: handler(event, Context()))

    return request


def test_one_row_is_little_work(work: Callable[[int], int]) -> None:
    """Routing, checks, features, prediction, log line and metrics of one record stay within the budget."""
    assert work(1) <= ONE_ROW


def test_rows_add_hardly_any_calls(work: Callable[[int], int]) -> None:
    """A thousand rows are computed as columns: what is called does not grow with them."""
    assert (work(1000) - work(1)) / 999 <= PER_ROW


def test_a_planted_doubling_is_caught(work: Callable[[int], int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A second validation of the records, or one call per row, breaks the budgets."""
    honest = Contract.columns

    def by_row(self: Any, records: Any) -> Any:
        columns = honest(self, records)
        return {name: np.array([np.copy(value) for value in column]) for name, column in columns.items()}

    monkeypatch.setattr(Contract, "columns", by_row)
    assert (work(1000) - work(1)) / 999 > PER_ROW

    def thrice(self: Any, records: Any) -> Any:
        for _ in range(12):
            honest(self, records)
        return honest(self, records)

    monkeypatch.setattr(Contract, "columns", thrice)
    assert work(1) > ONE_ROW
