"""Files beyond one invocation's reach: cut into ranges, scored by many invocations in any order, joined.

A state machine calls the three steps: `plan` once, `score` per range until that is done, `finish` once. Each
may be repeated: what is done already is found and not done again.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from maas.batch import names
from maas.batch.claim import TryAgain
from maas.batch.cut import Cutter
from maas.batch.job import Held, Job, Jobs, Overtaken, Progress
from maas.batch.names import FileName, Refused
from maas.batch.publish import Publisher, is_published
from maas.batch.scan import Scan, media_type
from maas.batch.source import Encoding, Source, encoding_of
from maas.batch.upload import MAX_PARTS, StreamState
from maas.batch.worker import Worker
from maas.errors import AlreadyExists, Conflict, KeyMissing

MAX_RANGES = 100
_REASON = "reason.txt"
# Room for results that are this many times as long as what they are made from.
_GROWTH = 4


class Range(BaseModel):
    """Whole rows of a file: from `offset` to `end`, in bytes; the first one is on line `line`."""

    model_config = ConfigDict(frozen=True)

    offset: int
    end: int
    line: int
    encoding: Encoding | None


class Plan(BaseModel):
    """The ranges of a file in order, and the uploads that all of them write parts of."""

    model_config = ConfigDict(frozen=True)

    ranges: tuple[Range, ...]
    output: str
    rejects: str

    @property
    def numbers(self) -> int:
        """Part numbers per range."""
        return MAX_PARTS // max(1, len(self.ranges))

    def first_number(self, index: int) -> int:
        """The first part number of a range."""
        return 1 + index * self.numbers


class RangeState(BaseModel):
    """How far a range is."""

    model_config = ConfigDict(frozen=True)

    progress: Progress
    finished: bool = False


class Large:
    """The steps of a large job.

    Args:
        worker: What they have in common with smaller jobs.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._files = worker.files
        self._limits = worker.limits
        self._jobs = Jobs(worker.files)

    def step(self, event: Mapping[str, Any], remaining: Callable[[], float]) -> dict[str, Any]:
        """Do one step: `{"step": ..., "job": ..., ["index": ...], ["error": {...}]}`.

        Raises:
            Refused: The file cannot be scored.
            Replaced: The file is another one by now.
            MaasError: Try again.
        """
        held = self._jobs.read(event["job"])
        if held is None:
            raise TryAgain(f"there is no job {event['job']}")
        try:
            return self._do(held, event, remaining)
        except Refused as error:
            # The state machine forgets it on the way out of its map.
            self._files.put(f"{held.job.folder}{_REASON}", error.detail.encode())
            raise

    def _do(self, held: Held, event: Mapping[str, Any], remaining: Callable[[], float]) -> dict[str, Any]:
        name = names.read(held.job.key)
        match event["step"]:
            case "plan":
                plan = self._plan(held.job, name)
                return {"job": held.job.id, "indices": list(range(len(plan.ranges)))}
            case "score":
                return {"done": self._score(held.job, name, int(event["index"]), remaining)}
            case "finish":
                self._finish(held, name)
                return {"done": True}
        self._give_up(held.job, event.get("error") or {})
        return {"done": False}

    def _plan(self, job: Job, name: FileName) -> Plan:
        key = f"{job.folder}plan.json"
        with suppress(KeyMissing):
            return Plan.model_validate_json(self._files.read(key).body)
        metadata = {"maas-job": f"{job.mark}{job.nonce}"}
        plan = Plan(
            ranges=tuple(self._ranges(job, name)),
            output=self._files.begin(name.output, metadata=metadata, content_type=media_type(name)),
            rejects=self._files.begin(name.rejects, metadata=metadata, content_type="application/jsonl"),
        )
        try:
            self._files.put(key, plan.model_dump_json().encode(), if_none_match=True)
        except AlreadyExists:  # somebody planned meanwhile
            return Plan.model_validate_json(self._files.read(key).body)
        return plan

    def _ranges(self, job: Job, name: FileName) -> list[Range]:
        """Cut the file at ends of rows; it is read once for that: quotes and lines count from the start."""
        if job.start is None:
            raise TryAgain("the job has not begun yet")
        target = max(self._limits.range, -(-job.size // MAX_RANGES))
        source = Source(self._files, job.key, job.etag, job.size, name, read=self._limits.read)
        cutter = Cutter(
            quoted=name.format == "csv",
            offset=job.start.offset,
            line=job.start.line,
            block=self._limits.block,
            longest=self._limits.row,
        )
        offset, line, encoding = job.start.offset, job.start.line, job.start.encoding
        found: list[Range] = []
        first = encoding
        for cut in cutter.cut(source.chunks(offset)):
            encoding = encoding or encoding_of(cut.data)
            if cut.end - offset >= target or cut.end == job.size:
                found.append(Range(offset=offset, end=cut.end, line=line, encoding=first))
                offset, line, first = cut.end, cut.next_line, encoding
        return found

    def _score(self, job: Job, name: FileName, index: int, remaining: Callable[[], float]) -> bool:
        plan = self._plan(job, name)
        chosen = plan.ranges[index]
        key = f"{job.folder}ranges/{index:04d}.json"
        tag: str | None = None
        try:
            stored = self._files.read(key)
        except KeyMissing:
            state = RangeState(
                progress=Progress(
                    offset=chosen.offset,
                    line=chosen.line,
                    encoding=chosen.encoding,
                    header=None if index == 0 else "",  # the first range writes it
                    output=StreamState(upload=plan.output),
                    rejects=StreamState(upload=plan.rejects),
                )
            )
        else:
            state, tag = RangeState.model_validate_json(stored.body), stored.etag
        if state.finished:
            return True

        def save(progress: Progress, *, finished: bool = False) -> None:
            nonlocal tag
            body = RangeState(progress=progress, finished=finished).model_dump_json().encode()
            try:
                tag = self._files.put(key, body, if_none_match=tag is None, if_match=tag)
            except Conflict as error:
                raise Overtaken(f"another invocation scores range {index} of {job.key}") from error

        scan = Scan(
            self._files,
            job,
            name,
            self._worker.scorer(job, name, remaining),
            limits=self._limits,
            remaining=remaining,
            nonce=self._worker.nonce(),
            save=save,
            scratch=f"{job.folder}ranges/{index:04d}/",
            progress=state.progress,
            first_number=plan.first_number(index),
            part=max(self._limits.part, _GROWTH * (chosen.end - chosen.offset) // plan.numbers),
        )
        outcome = scan.run(chosen.end)
        save(outcome.progress, finished=outcome.finished)
        return outcome.finished

    def _finish(self, held: Held, name: FileName) -> None:
        job = held.job
        if job.status == "done" and is_published(self._files, job, name):
            return
        plan = self._plan(job, name)
        ranges: list[Progress] = []
        for index in range(len(plan.ranges)):
            body = self._files.read(f"{job.folder}ranges/{index:04d}.json").body
            state = RangeState.model_validate_json(body)
            if not state.finished:
                raise TryAgain(f"range {index} of {job.key} is not finished")
            ranges.append(state.progress)
        publisher = Publisher(self._files, job, name, job.nonce, self._limits)
        publisher.publish_streams([(plan.first_number(index), r) for index, r in enumerate(ranges)])
        publisher.publish_report(ranges, now=self._worker.clock(), memory=self._worker.memory)
        done: dict[str, Literal["done"] | float] = {"status": "done", "lease": 0.0}
        with suppress(Overtaken):
            self._jobs.save(held, job.model_copy(update=done))

    def _give_up(self, job: Job, error: Mapping[str, Any]) -> None:
        """Abandon a job; `error` is what the state machine knows: the class of the error and its message."""
        reason = str(error.get("Cause") or error.get("Error") or "unknown")
        with suppress(KeyMissing):
            reason = self._files.read(f"{job.folder}{_REASON}").body.decode()
        head = self._files.head(job.key)
        self._worker.give_up(job, replaced=head is None or head.etag != job.etag, reason=reason)
