"""Large files: ranges scored in any order, interrupted and repeated, make the same file as one walk does."""

import json
import random
from collections.abc import Iterator

import pytest

from maas.batch.job import Job
from maas.batch.large import Large
from maas.errors import MaasError
from tests.batch_days import SMALL, Day, served, small_parts, stored
from tests.faults import Crash, impatient, moto_bucket
from tests.inbox_files import InboxFile, expected, generate, read_output

SEEDS = [seed for seed in range(60) if not generate(seed, 0).name.endswith(".gz")][:24]


@pytest.fixture(autouse=True)
def bucket() -> Iterator[None]:
    with moto_bucket(), impatient(), small_parts():
        yield


def begun(day: Day, file: InboxFile) -> Job:
    """A job that was handed over to many invocations."""
    handed: list[Job] = []
    day.limits = SMALL._replace(large=0, range=1200)
    real = day.worker

    def worker() -> object:
        made, injector = real()
        made.begin_large = handed.append
        return made, injector

    day.worker = worker  # type: ignore[method-assign, assignment]
    day.drop(file.name, file.body)
    day.run()
    day.worker = real  # type: ignore[method-assign]
    return handed[-1]


def do(day: Day, job: Job, step: str, seconds: float = 60.0, **more: int) -> dict[str, object] | None:
    """One step as the state machine takes it; None where it fails and is to be repeated."""
    worker, injector = day.worker()
    deadline = day.now + seconds
    try:
        return Large(worker).step({"step": step, "job": job.id, **more}, lambda: deadline - day.now)
    except (Crash, MaasError) as error:
        day.log.append(f"{step} {more}: {error!r}")
        return None
    finally:
        day._counted(injector)


def insist(day: Day, job: Job, step: str, **more: int) -> dict[str, object]:
    """The same until it succeeds."""
    for attempt in range(40):
        if attempt == 20:
            day.rate = 0.0
        if (answer := do(day, job, step, **more)) is not None:
            return answer
    raise AssertionError(f"{step} never succeeds")


@pytest.mark.parametrize("seed", SEEDS)
def test_ranges_in_any_order_make_the_file(seed: int) -> None:
    """Faults, repeated steps, time limits: the joined result is that of the rows, in order, none twice."""
    day = Day(seed)
    source = random.Random(seed)
    file = generate(seed, 60)
    out = f"outbox/tiny/{file.name}"
    try:
        job = begun(day, file)
        day.rate = source.choice([0.0, 0.05, 0.15])
        indices = insist(day, job, "plan")["indices"]
        assert isinstance(indices, list)
        assert len(indices) > 1
        waiting = [*indices, source.choice(indices)]
        while waiting:
            index = source.choice(waiting)
            answer = do(day, job, "score", seconds=source.choice([6.5, 60.0]), index=index)
            if answer and answer["done"]:
                waiting.remove(index)
            elif len(day.log) > 300:
                day.rate = 0.0
        assert stored(out) is None  # invisible until it is whole
        insist(day, job, "finish")
        insist(day, job, "finish")
        output, rejected = expected(file, served("a"))
        body = stored(out)
        assert body is not None
        assert read_output(file, body) == output
        rejects = [json.loads(line) for line in (stored(f"{out}.rejects.jsonl") or b"").splitlines()]
        assert [reject["line"] for reject in rejects] == rejected
        report = json.loads(stored(f"{out}.report.json") or b"null")
        assert (report["rows"], report["scored"]) == (len(file.rows), len(output))
    except BaseException as error:
        error.add_note("\n".join([f"seed {seed}, file {file.name}:", *day.log[-100:]]))
        raise


def test_large_job_that_fails_says_why() -> None:
    """What the state machine catches ends where people look: beside the results, and in the dead letters."""
    day = Day(0)
    file = generate(next(seed for seed in SEEDS), 60)
    job = begun(day, file)
    worker, _ = day.worker()
    error = {"Error": "Refused", "Cause": "no good"}
    assert Large(worker).step({"step": "give_up", "job": job.id, "error": error}, lambda: 60.0) == {
        "done": False
    }
    explained = json.loads(stored(f"outbox/tiny/{file.name}.error.json") or b"null")
    assert explained["reason"] == "no good"
    assert [reason for _, reason in day.dead] == ["no good"]
