"""Sends requests to a server, whatever it is, and keeps what was wrong with the answers."""

import json
import os
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from tests.fuzz.corpus import requests
from tests.fuzz.request import Request
from tests.fuzz.target import Target
from tests.fuzz.verdict import fault

FULL = bool(os.environ.get("MAAS_FULL"))
SEED = int(os.environ.get("MAAS_FUZZ_SEED") or (int.from_bytes(os.urandom(4)) if FULL else 1))
COUNT = 100_000
"""Requests of a full run, over all models."""
SAVED = Path(__file__).parents[2] / "build" / "fuzz"
_MOST_FAULTS = 20


class Got(NamedTuple):
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


type Call = Callable[[Request], Got]


@dataclass
class Report:
    """What came back.

    Attributes:
        statuses: How often each status came, by kind of request.
        faults: What was wrong with answers, each with the number of its request.
    """

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @property
    def asked(self) -> int:
        """How many requests were sent."""
        return self.statuses.total()

    def count(self, low: int, high: int = 600) -> int:
        """How many answers had a status from `low` to below `high`."""
        return sum(count for (_, status), count in self.statuses.items() if low <= status < high)


def run(target: Target, call: Call, *, count: int, seed: int = SEED, save: bool = True) -> Report:
    """Send `count` requests; the first twenty faulty ones are saved in build/fuzz, unless told otherwise."""
    report = Report()
    for number, request in enumerate(islice(requests(target, seed), count)):
        got = call(request)
        report.statuses[request.kind, got.status] += 1
        found = fault(request, *got)
        if found is not None and len(report.faults) < _MOST_FAULTS:
            report.faults.append(f"{target.model}, seed {seed}, request {number}, {request.kind}: {found}")
            if save:
                _save(f"{target.model}-{seed}-{number}.json", request, got)
    return report


def _save(name: str, request: Request, got: Got) -> None:
    """Keep a request and its answer, to be looked at and sent again."""
    SAVED.mkdir(parents=True, exist_ok=True)
    document = {
        "kind": request.kind,
        "method": request.method,
        "path": request.path,
        "headers": request.headers,
        "body_base64": b64encode(request.body).decode(),
        "body": request.body[:2000].decode(errors="replace"),
        "status": got.status,
        "answer": got.body[:2000].decode(errors="replace"),
    }
    (SAVED / name).write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")
