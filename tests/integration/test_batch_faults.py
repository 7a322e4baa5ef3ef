"""Files under faults: hundreds of bad days, each from a printed seed, and four bugs that they must notice.

`MAAS_FAULT_SCHEDULES=2000` runs that many; the default keeps `make test` short.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest

from maas.batch.claim import Claims
from maas.batch.cut import Cut
from maas.batch.event import Message
from maas.batch.files import Head
from maas.batch.invoke import BlockFailed, BlockScorer, Scored, Throttled
from maas.batch.job import Held
from maas.batch.names import FileName
from maas.batch.upload import Stream
from maas.batch.worker import Worker
from tests.batch_days import Day, clean_client, served, small_parts, stored, versions
from tests.faults import impatient, moto_bucket
from tests.inbox_files import InboxFile, expected, generate, read_output

SCHEDULES = int(os.environ.get("MAAS_FAULT_SCHEDULES", "200"))
BLOCKS = 8


@pytest.fixture(autouse=True)
def bucket() -> Iterator[None]:
    with moto_bucket(), impatient(), small_parts():
        yield
    clean_client.cache_clear()


def check_whole(file: InboxFile, out: str) -> None:
    """Whatever is published is whole, in order and of one version, at any moment."""
    body = stored(out)
    if body is not None:
        found = read_output(file, body)
        assert found in [expected(file, served(name))[0] for name in "ab"], f"{out} is not whole"


def check_done(file: InboxFile, out: str, pinned: str) -> None:
    """The result is there: rows in = scored + rejected, in order, by the pinned version."""
    report = json.loads(stored(f"{out}.report.json") or b"null")
    assert report is not None, "no report"
    output, rejected = expected(file, served(pinned))
    body = stored(out)
    assert body is not None
    assert read_output(file, body) == output
    rejects = [json.loads(line) for line in (stored(f"{out}.rejects.jsonl") or b"").splitlines()]
    assert [reject["line"] for reject in rejects] == rejected
    assert all(reject["reason"] for reject in rejects)
    assert (report["rows"], report["scored"], report["rejected"]) == (
        len(file.rows),
        len(output),
        len(rejected),
    )
    assert report["manifest"] == versions()[pinned][0].digest
    assert report["output"]["size"] == len(body)


def bad_day(seed: int) -> int:
    """One file, one schedule: faults, duplicates, production moving; then what must hold. Faults dealt."""
    day = Day(seed)
    day.rate = day.random.choice([0.0, 0.03, 0.08, 0.15])
    if day.random.random() < 0.3:
        day.outage = range(first := day.random.randrange(1, 12), first + day.random.randrange(4, 14))
    file = generate(seed, day.random.choice([0, 1, 7, 25, 60]))
    out = f"outbox/tiny/{file.name}"
    try:
        day.drop(file.name, file.body)
        if day.random.random() < 0.5:
            day.letters.append(
                day.letters[0].__class__(day.now + day.random.choice([0, 3, 500]), -1, day.letters[0].body)
            )
        moves = day.random.randrange(4)

        def after() -> None:
            nonlocal moves
            check_whole(file, out)
            if moves and day.random.random() < 0.4:
                moves -= 1
                day.promote("b" if day.production == "a" else "a")

        day.run(after=after, doubled=0.1)
        for _ in range(20):
            if not day.dead:
                break
            day.rate, day.outage = 0.0, range(0)
            day.redrive()
            day.run(after=after)
        assert not day.dead
        used = {version for version, _ in day.calls}
        report = json.loads(stored(f"{out}.report.json") or b"null")
        assert report is not None, "no report"
        pinned = next(
            name for name, (manifest, _) in versions().items() if manifest.digest == report["manifest"]
        )
        check_done(file, out, pinned)
        assert used <= {report["manifest"]}, "two versions scored one file"
        check_nothing_twice(day, out)
    except BaseException as error:
        error.add_note("\n".join([f"seed {seed}, file {file.name}:", *day.log[-200:]]))
        raise
    return day.injected


def check_nothing_twice(day: Day, out: str) -> None:
    """The same event again, after all is done, neither scores nor writes anything."""
    calls, before = len(day.calls), stored(out)
    state = {key: stored(key) for key in (out, f"{out}.report.json", f"{out}.rejects.jsonl")}
    day.rate = 0.0
    key = f"inbox/{out.removeprefix('outbox/')}"
    etag = clean_client().head_object(Bucket="models", Key=key)["ETag"].strip('"')
    day.send(Message("dropped", "models", key, etag, "1"))
    day.run()
    assert len(day.calls) == calls, "scored twice"
    assert stored(out) == before
    assert {key: stored(key) for key in state} == state


@pytest.mark.parametrize("block", range(BLOCKS))
def test_bad_days(block: int) -> None:
    """Whatever goes wrong, in the end every row is there once, in order, scored by one version."""
    injected = 0
    for seed in range(block, SCHEDULES, BLOCKS):
        injected += bad_day(seed)
    sys.stdout.write(f"{SCHEDULES // BLOCKS} schedules, {injected} faults\n")


def forgetful(self: Claims, message: Message, head: Head, seconds: float) -> Held | None:
    """A bug: every message is news."""
    fresh = self._owned(self._fresh(message, head), seconds)
    seen = self._jobs.read(fresh.id)
    if seen is None:
        return self._jobs.create(fresh)
    anew = self.anew(seen.job, message, version=seen.job.version)
    job = anew if seen.job.status == "done" else seen.job
    return self._jobs.save(seen, self._owned(job, seconds))


def follows_production(original: Callable[..., Held]) -> Callable[..., Held]:
    """A bug: each invocation takes the version that is in production now."""

    def pinned(self: Worker, held: Held, name: FileName) -> Held:
        held = original(self, held, name)
        return held._replace(job=held.job.model_copy(update={"version": self._production(name.model)}))

    return pinned


def drops_failures(original: Callable[..., Scored]) -> Callable[..., Scored]:
    """A bug: a block that fails is left out."""

    def call(self: BlockScorer, cut: Cut, encoding: str, patience: int = 4) -> Scored:
        try:
            return original(self, cut, encoding, patience)
        except (BlockFailed, Throttled):
            return Scored(0, 0, [], b"", "", (), 0.0)

    return call


BUGS: dict[str, tuple[type, str, Any]] = {
    "skips the dedupe": (Claims, "take", forgetful),
    "moves the pin": (Worker, "_pinned", follows_production(Worker._pinned)),
    "writes parts out of order": (Stream, "_number", lambda self: 900 - len(self._state.parts)),
    "drops a failed block": (BlockScorer, "_patiently", drops_failures(BlockScorer._patiently)),
}


@pytest.mark.parametrize("bug", BUGS)
def test_planted_bug_is_noticed(bug: str) -> None:
    """The schedules are worth something: each of four real bugs fails one of the first few."""
    owner, name, broken = BUGS[bug]
    with mock.patch.object(owner, name, broken):
        for seed in range(200):
            try:
                bad_day(seed)
            except Exception as error:  # noqa: BLE001 -- a result that cannot even be read is noticed too
                sys.stdout.write(f"{bug}: seed {seed}: {str(error).splitlines()[0][:100]}\n")
                return
    raise AssertionError(f"nobody noticed: {bug}")
