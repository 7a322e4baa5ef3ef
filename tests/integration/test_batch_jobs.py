"""Single files on single days: what each kind of trouble comes to."""

import gzip
import json
import re
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import pytest

from maas.batch.event import Message
from maas.batch.scoring import Block
from tests.batch_days import SMALL, TIME_LIMIT, Day, clean_client, small_parts, stored, versions
from tests.faults import BUCKET, Fault, impatient, moto_bucket

HEADER = "id,timestamp,temperature,lanes,speeds"


@pytest.fixture(autouse=True)
def bucket() -> Iterator[None]:
    with moto_bucket(), impatient(), small_parts():
        yield


def table(rows: int, *, first: int = 0) -> bytes:
    body = "".join(f'r{n},2026-03-01T08:00:00,{n % 50},3,"[1,2]"\n' for n in range(first, first + rows))
    return f"{HEADER}\n{body}".encode()


def document(key: str) -> Any:
    body = stored(key)
    assert body is not None, f"no {key}"
    return json.loads(body)


def counts(name: str) -> tuple[int, int, int]:
    report = document(f"outbox/tiny/{name}.report.json")
    return report["rows"], report["scored"], report["rejected"]


def ids(name: str) -> list[str]:
    body = stored(f"outbox/tiny/{name}") or b""
    return [line.split(b",")[0].decode() for line in body.splitlines()[1:]]


@pytest.mark.parametrize(
    ("name", "body", "output"),
    [
        ("a.csv", b"", b""),
        ("a.jsonl", b"", b""),
        ("a.csv.gz", gzip.compress(b""), b""),
        ("a.csv", b"\n\n", b""),
        ("a.csv", f"{HEADER}\n".encode(), f"{HEADER},volume\n".encode()),
        ("a.csv", HEADER.encode(), f"{HEADER},volume\n".encode()),
    ],
)
def test_file_without_rows_has_a_result_without_rows(name: str, body: bytes, output: bytes) -> None:
    """Nothing to score is no failure."""
    day = Day(0)
    day.drop(name, body)
    day.run()
    assert stored(f"outbox/tiny/{name}") == output
    assert stored(f"outbox/tiny/{name}.rejects.jsonl") == b""
    assert counts(name) == (0, 0, 0)
    assert not day.dead


@pytest.mark.parametrize(
    ("name", "body", "reason"),
    [
        ("a.csv", b"id,temperature\n1,2\n", "lacks timestamp"),
        ("a.csv", b"PK\x03\x04....", "Excel"),
        ("a.xlsx", b"PK\x03\x04....", "must end in"),
        ("a.csv.gz", b"id\n1\n", "not what .gz says"),
        ("a.csv.gz", gzip.compress(table(500))[:-9], "damaged|middle"),
        ("a.jsonl", b"id,temperature\n1,2\n", "no JSON Lines"),
    ],
)
def test_file_that_cannot_be_scored_is_explained(name: str, body: bytes, reason: str) -> None:
    """No result, but a reason beside it and one dead letter; a duplicate of its event changes nothing."""
    day = Day(0)
    day.drop(name, body)
    day.send(Message("dropped", BUCKET, f"inbox/tiny/{name}", "", "1"))
    day.run()
    assert stored(f"outbox/tiny/{name}") is None
    ((_, why),) = day.dead
    explained = document(f"outbox/tiny/{name}.error.json")
    assert explained["reason"] == why
    assert re.search(reason, why)


def test_redrive_after_the_cause_is_gone() -> None:
    """A file that came before the model was promoted is scored when it is sent again, and its error goes."""
    day = Day(0)
    clean_client().delete_object(Bucket=BUCKET, Key="models/tiny/production.json")
    day.drop("a.csv", table(20))
    day.run()
    assert "no model tiny in production" in document("outbox/tiny/a.csv.error.json")["reason"]
    day.promote("b")
    day.redrive()
    day.run()
    assert counts("a.csv") == (20, 20, 0)
    assert stored("outbox/tiny/a.csv.error.json") is None
    assert document("outbox/tiny/a.csv.report.json")["manifest"] == versions()["b"][0].digest
    assert not day.dead


def test_same_file_dropped_again_is_not_scored_again() -> None:
    """Not for a duplicate, not for a new event with the same content."""
    day = Day(0)
    day.drop("a.csv", table(20))
    day.run()
    calls, result = len(day.calls), stored("outbox/tiny/a.csv")
    day.promote("b")
    day.drop("a.csv", table(20), sequencer="1")
    day.drop("a.csv", table(20), sequencer="2")
    day.run()
    assert len(day.calls) == calls
    assert stored("outbox/tiny/a.csv") == result


def test_results_that_were_taken_away_come_again_when_the_file_does() -> None:
    """By the same version as before; a late duplicate alone brings nothing back."""
    day = Day(0)
    day.drop("a.csv", table(20))
    day.run()
    result = stored("outbox/tiny/a.csv")
    for suffix in ("", ".report.json", ".rejects.jsonl"):
        clean_client().delete_object(Bucket=BUCKET, Key=f"outbox/tiny/a.csv{suffix}")
    day.promote("b")
    day.drop("a.csv", table(20), sequencer="1")
    day.run()
    assert stored("outbox/tiny/a.csv") is None
    day.drop("a.csv", table(20), sequencer="2")
    day.run()
    assert stored("outbox/tiny/a.csv") == result


def test_last_content_wins_in_whatever_order_events_come() -> None:
    """Events of replaced content come to nothing; the same content coming back has its result again."""
    day = Day(3)
    day.drop("a.csv", table(20), sequencer="1")
    day.drop("a.csv", table(30, first=100), sequencer="2")
    day.run()
    assert ids("a.csv") == [f"r{n}" for n in range(100, 130)]
    day.drop("a.csv", table(20), sequencer="3")
    day.run()
    assert ids("a.csv") == [f"r{n}" for n in range(20)]


@pytest.mark.parametrize("number", range(4, 40, 3))
def test_file_replaced_while_it_is_scored(number: int) -> None:
    """Whenever the new content arrives, its result is what remains, and nothing is mixed."""
    day = Day(0)
    day.drop("a.csv", table(60), sequencer="1")
    real = day.worker
    once = [True]

    def worker() -> Any:
        made, injector = real()
        if once.pop() if once else False:
            injector._then[number] = lambda: day.drop("a.csv", table(70, first=500), sequencer="2")
        return made, injector

    day.worker = worker  # type: ignore[method-assign]
    day.run()
    if not once and len(ids("a.csv")) == 60:
        pytest.skip("the first job took fewer requests")
    assert ids("a.csv") == [f"r{n}" for n in range(500, 570)]
    assert counts("a.csv") == (70, 70, 0)


def test_long_file_goes_on_by_message() -> None:
    """The time limit in mid-file costs nothing but another message; no delivery fails."""
    day = Day(0)
    day.drop("a.csv", table(900))
    day.run()
    report = document("outbox/tiny/a.csv.report.json")
    assert report["invocations"] > 1
    assert ids("a.csv") == [f"r{n}" for n in range(900)]
    assert not any("failed" in line for line in day.log)
    lines = [line for _, line in day.calls]
    assert len(lines) == len(set(lines)), "a block was scored twice"
    assert len(lines) > TIME_LIMIT


def test_production_moving_meanwhile_changes_nothing() -> None:
    """One version for the whole file."""
    day = Day(0)
    day.on_call = lambda self: self.promote("b") if len(self.calls) == 5 else None
    day.drop("a.csv", table(900))
    day.run()
    assert {version for version, _ in day.calls} == {versions()["a"][0].digest}


def test_rows_that_crash_the_model_are_rejected() -> None:
    """A few poisoned rows are found and named; their neighbours are scored."""
    day = Day(0)

    def poison(block: Block) -> str | None:
        text = b64decode(block.data)
        return "crash" if b"r7," in text or b"r31," in text else None

    day.poison = poison
    day.drop("a.csv", table(40))
    day.run()
    assert counts("a.csv") == (40, 38, 2)
    assert ids("a.csv") == [f"r{n}" for n in range(40) if n not in {7, 31}]
    rejects = [json.loads(line) for line in (stored("outbox/tiny/a.csv.rejects.jsonl") or b"").splitlines()]
    assert [(reject["line"], reject["reason"]) for reject in rejects] == [
        (9, "The model fails on this row"),
        (33, "The model fails on this row"),
    ]


def test_model_that_always_crashes_fails_the_file() -> None:
    """Not every row is bad: after some deliveries the file is given up, with the reason, and not billed."""
    day = Day(0)
    day.poison = lambda _: "out of memory"
    day.drop("a.csv", table(40))
    day.run()
    assert stored("outbox/tiny/a.csv") is None
    assert "out of memory" in document("outbox/tiny/a.csv.error.json")["reason"]
    assert len(day.dead) == 1
    day.poison = lambda _: None
    day.redrive()
    day.run()
    assert counts("a.csv") == (40, 40, 0)


def test_line_beyond_all_measure_is_rejected() -> None:
    """It is not even kept in memory whole; the rows around it are scored."""
    day = Day(0)
    body = table(10) + b"x" * (50 * SMALL.row) + b"\n" + table(10, first=10).split(b"\n", 1)[1]
    day.drop("a.csv", body)
    day.run()
    assert counts("a.csv") == (21, 20, 1)
    assert ids("a.csv") == [f"r{n}" for n in range(20)]
    (reject,) = (json.loads(x) for x in (stored("outbox/tiny/a.csv.rejects.jsonl") or b"").splitlines())
    assert (reject["line"], "too long" in reject["reason"]) == (12, True)


def test_crash_at_every_request() -> None:
    """Wherever the process dies, the next delivery brings the one right result."""
    for number in range(1, 80):
        day = Day(0)
        first = [True]

        def plan(at: int, number: int = number, first: list[bool] = first) -> Fault:
            if first and at == number:
                first.pop()
                return Fault.CRASH_AFTER
            return Fault.NONE

        day.plan = plan
        day.drop("a.csv", table(60))
        day.run()
        assert ids("a.csv") == [f"r{n}" for n in range(60)], f"crash at {number}"
        assert counts("a.csv") == (60, 60, 0)
        if first:
            break
    assert first
    assert number > 15


def test_two_workers_at_once_do_not_double_anything() -> None:
    """While one has the job, a duplicate waits its turn and finds it done."""
    day = Day(0)
    key = day.drop("a.csv", table(60))
    nested: list[int] = []

    def duplicate(self: Day) -> None:
        if not nested:
            nested.append(len(self.calls))
            self.send(Message("dropped", BUCKET, key, "", "1"))
            assert self.deliver()
            assert len(self.calls) == nested[0]

    day.on_call = duplicate
    day.run()
    assert ids("a.csv") == [f"r{n}" for n in range(60)]
    lines = [line for _, line in day.calls]
    assert len(lines) == len(set(lines))


def test_plan_of_faults_is_repeatable() -> None:
    """The same seed deals the same day, so that a failure can be looked at."""
    logs = []
    for _ in range(2):
        day = Day(11, rate=0.1)
        day.drop("a.csv", table(60))
        day.run()
        logs.append(day.log)
    assert logs[0] == logs[1]
