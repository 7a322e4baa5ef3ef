"""Requests over HTTP, ours beside everybody: one client and eight, one row and a thousand.

    python -m bench throughput

All servers run at once and are asked in turns, a second each, so that whatever else the machine does hits all
of them alike. CPU per request is that of the server's processes, emulator included. An environment of Lambda
takes one request at a time, so eight clients wait for one here; on Lambda each would have its own.
"""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from bench.load import Request, one, press
from bench.process import Server
from bench.progress import Progress
from bench.stacks import EVERY, Stack
from bench.subjects import Subject, forest, network

SECONDS = 1.0


class Case(NamedTuple):
    """What is asked for."""

    subject: Subject
    rows: int
    clients: int
    kinds: tuple[str, ...]


class Running(NamedTuple):
    """A stack under load."""

    stack: Stack
    port: int
    server: Server


def measure(progress: Progress, *, rounds: int = 5) -> dict[str, Any]:
    """Every stack in every case: medians over the rounds."""
    cases = [
        Case(forest(), 1, 1, ("json",)),
        Case(forest(), 1, 8, ("json",)),
        Case(network(), 1, 1, ("json", "empty")),
        Case(network(), 1, 8, ("json",)),
        Case(network(), 1000, 1, ("json", "V2 json", "binary")),
    ]
    found: list[dict[str, Any]] = []
    for subject in (forest(), network()):
        with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
            started = [_start(one_of, subject, Path(folder), stack) for one_of in EVERY]
            for case in (case for case in cases if case.subject is subject):
                found += _case(case, started, rounds, progress)
    return {"rows": found}


def _start(stack: Stack, subject: Subject, folder: Path, exits: ExitStack) -> Running:
    own = folder / stack.name.replace(" ", "-")
    own.mkdir()
    return Running(stack, *exits.enter_context(stack.start(subject, own)))


def _case(case: Case, started: list[Running], rounds: int, progress: Progress) -> list[dict[str, Any]]:
    asked = [
        (running, kind, request)
        for running in started
        for kind, request in running.stack.requests(case.subject, case.rows).items()
        if kind in case.kinds
    ]
    for running, _, request in asked:
        for _ in range(5):
            one(running.port, request)
    taken: dict[tuple[str, str], list[dict[str, float]]] = {}
    for turn in range(rounds):
        for running, kind, request in asked:
            progress(f"{case.subject.name}, {case.rows} rows, {case.clients} clients", turn, rounds)
            taken.setdefault((running.stack.name, kind), []).append(_once(running, request, case.clients))
    return [
        {
            "subject": case.subject.name,
            "rows": case.rows,
            "clients": case.clients,
            "stack": name,
            "kind": kind,
            **{figure: median(one[figure] for one in all_rounds) for figure in all_rounds[0]},
            "spread": (max(o["per_second"] for o in all_rounds) - min(o["per_second"] for o in all_rounds))
            / median(o["per_second"] for o in all_rounds),
        }
        for (name, kind), all_rounds in taken.items()
    ]


def _once(running: Running, request: Request, clients: int) -> dict[str, float]:
    before = running.server.cpu_seconds()
    at_once = min(running.stack.at_once, clients)
    load = press(running.port, request, clients=clients, seconds=SECONDS, at_once=at_once)
    cpu = running.server.cpu_seconds() - before
    return {
        "p50_ms": load.p50_ms,
        "p99_ms": load.p99_ms,
        "per_second": load.per_second,
        "cpu_ms": cpu * 1000 / max(load.requests, 1),
        "megabytes": running.server.megabytes(),
    }
