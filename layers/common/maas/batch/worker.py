"""The batch function's work on one message: take the job, score, publish; or go on later, or say why not."""

import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from maas.batch import names, report
from maas.batch.claim import LEASE_MARGIN_SECONDS, Claims, Sender
from maas.batch.event import Message
from maas.batch.files import Files, Replaced
from maas.batch.invoke import Answer, BlockScorer
from maas.batch.job import Held, Job, Jobs, Overtaken, Progress
from maas.batch.limits import Limits
from maas.batch.names import FileName, Refused
from maas.batch.publish import LostUpload, Publisher, is_published
from maas.batch.scan import Scan
from maas.batch.source import Source
from maas.errors import MaasError
from maas.registry import Registry

_MEMORY_MB = 1024


@dataclass
class Worker:
    """Does the jobs.

    Attributes:
        files: The data bucket.
        registry: The models.
        invoke: Calls the function of a model, by the model's name.
        queue: Where messages go.
        begin_large: Hands a large file to many invocations at once; None where there is no such thing.
        limits: Sizes.
        clock: Seconds since 1970.
        pause: Waits for some seconds.
        nonce: Something that never comes twice.
        memory: Of a function, in MB, for the estimate of costs.
    """

    files: Files
    registry: Registry
    invoke: Callable[[str, Mapping[str, Any]], Answer]
    queue: Sender
    begin_large: Callable[[Job], None] | None = None
    limits: Limits = field(default_factory=Limits)
    clock: Callable[[], float] = time.time
    pause: Callable[[float], None] = time.sleep
    nonce: Callable[[], str] = field(default=lambda: secrets.token_hex(8))
    memory: int = _MEMORY_MB

    def __post_init__(self) -> None:
        self._jobs = Jobs(self.files)
        self._claims = Claims(self.files, self._jobs, self.queue, self.clock, self.nonce)

    def handle(self, message: Message, remaining: Callable[[], float], *, last: bool = False) -> None:
        """Do what one message asks for; returning acknowledges it.

        Args:
            message: The message.
            remaining: Seconds until the time limit.
            last: Whether the message will not come again after this time.

        Raises:
            MaasError: It could not be done now: the message is to come again.
        """
        began = self.clock()
        head = self.files.head(message.key)
        if head is None or (message.etag and head.etag != message.etag):
            return  # replaced or removed since: another message tells of what is there now
        held = self._claims.take(message._replace(etag=head.etag), head, remaining())
        if held is None:
            return
        try:
            self._work(held, began, remaining)
        except Overtaken:
            self.queue.send(message._replace(kind="look"), delay=remaining() + LEASE_MARGIN_SECONDS)
        except Refused as error:
            self._fail(held.job, error.detail, began)
        except Replaced:
            self._end(held.job, "replaced", "another file of this name took its place")
        except LostUpload:
            self._restart(held.job, message)
        except MaasError as error:
            self._release(held.job, began)
            if last:
                self._explain(held.job, f"{error.title}: {error.detail}")
            raise

    def _work(self, held: Held, began: float, remaining: Callable[[], float]) -> None:
        name = names.read(held.job.key)
        if held.job.invocations > 1 and is_published(self.files, held.job, name):
            self._save_done(held, began)  # all but the last step was done
            return
        held = self._pinned(held, name)
        job = held.job
        if job.status == "publishing":
            self._publish_streams(held, name, began)
            return
        if self.begin_large and not name.compressed and job.size > self.limits.large:
            self.begin_large(job)
            return
        seat = _Seat(self, held)
        scan = Scan(
            self.files,
            job,
            name,
            self.scorer(job, name, remaining),
            limits=self.limits,
            remaining=remaining,
            nonce=job.owner,
            save=seat.save,
            scratch=job.folder,
            progress=job.progress,
        )
        outcome = scan.run()
        seconds = job.seconds + self.clock() - began
        if not outcome.finished:
            seat.save(outcome.progress, lease=0.0, seconds=seconds)
            self.queue.send(Message("continue", job.bucket, job.key, job.etag, job.sequencer))
            return
        if outcome.output is None:
            held = seat.save(outcome.progress, status="publishing", seconds=seconds)
            self._publish_streams(held, name, self.clock())
            return
        done = job.model_copy(update={"progress": outcome.progress, "seconds": seconds})
        publisher = Publisher(self.files, done, name, job.owner, self.limits)
        publisher.publish_bytes(outcome)
        publisher.publish_report([outcome.progress], now=self.clock(), memory=self.memory)
        self._save_done(Held(done, seat.held.tag), self.clock())

    def give_up(self, job: Job, *, replaced: bool, reason: str) -> None:
        """Abandon a large job: with a word where it failed, without where another file took its place."""
        if replaced:
            self._end(job, "replaced", reason)
        else:
            self._fail(job, reason, self.clock())

    def scorer(self, job: Job, name: FileName, remaining: Callable[[], float]) -> BlockScorer:
        """What scores a block of this job."""
        return BlockScorer(
            lambda event: self.invoke(name.model, event),
            job.version,
            name.format,
            job.start.header if job.start else "",
            remaining,
            self.pause,
        )

    def _pinned(self, held: Held, name: FileName) -> Held:
        """The job with the version that scores the whole file, chosen once, and with the file's beginning."""
        job = held.job
        if job.version and job.start:
            return held
        version = job.version or self._production(name.model)
        source = Source(self.files, job.key, job.etag, job.size, name, read=self.limits.read)
        start = source.begin()
        progress = Progress(offset=start.offset, line=start.line, encoding=start.encoding)
        changed = job.model_copy(update={"version": version, "start": start, "progress": progress})
        return self._jobs.save(held, changed)

    def _production(self, model: str) -> str:
        pointer = self.registry.production(model)
        if pointer is None:
            raise Refused(f"There is no model {model} in production: publish and promote a version first.")
        return pointer.stable

    def _publish_streams(self, held: Held, name: FileName, began: float) -> None:
        job = held.job
        publisher = Publisher(self.files, job, name, job.nonce, self.limits)
        publisher.publish_streams([(1, job.progress)])
        publisher.publish_report([job.progress], now=self.clock(), memory=self.memory)
        self._save_done(held, began)

    def _save_done(self, held: Held, began: float) -> None:
        seconds = held.job.seconds + self.clock() - began
        # Overtaken here, the other one finds everything published.
        with suppress(Overtaken):
            self._jobs.save(
                held, held.job.model_copy(update={"status": "done", "lease": 0.0, "seconds": seconds})
            )

    def _fail(self, job: Job, reason: str, began: float) -> None:
        """Say why, where the person looks who dropped the file, and where the operator looks."""
        self._explain(job, reason)
        self.queue.bury(Message("redrive", job.bucket, job.key, job.etag, job.sequencer), reason)
        self._end(job, "failed", reason, began)

    def _explain(self, job: Job, reason: str) -> None:
        document = report.error(job, reason, now=self.clock())
        self.files.put(names.error_key(job.key), report.to_json(document), content_type="application/json")

    def _end(self, job: Job, status: str, reason: str, began: float | None = None) -> None:
        held = self._jobs.read(job.id)
        if held is None or held.job.owner != job.owner:
            return
        self._forget(held.job)
        seconds = held.job.seconds + (self.clock() - began if began else 0.0)
        changed = {"status": status, "reason": reason, "lease": 0.0, "seconds": seconds}
        with suppress(Overtaken):
            self._jobs.save(held, held.job.model_copy(update=changed))

    def _restart(self, job: Job, message: Message) -> None:
        held = self._jobs.read(job.id)
        if held is not None and held.job.owner == job.owner:
            with suppress(Overtaken):
                self._jobs.save(held, self._claims.anew(held.job, message, version=held.job.version))
        self.queue.send(Message("continue", job.bucket, job.key, job.etag, job.sequencer))

    def _release(self, job: Job, began: float) -> None:
        """Let the next one have the job at once; where that fails, the lease ends by itself."""
        with suppress(MaasError):
            held = self._jobs.read(job.id)
            if held is not None and held.job.owner == job.owner:
                seconds = held.job.seconds + self.clock() - began
                self._jobs.save(held, held.job.model_copy(update={"lease": 0.0, "seconds": seconds}))

    def _forget(self, job: Job) -> None:
        try:
            name = names.read(job.key)
        except Refused:
            return
        for key, stream in ((name.output, job.progress.output), (name.rejects, job.progress.rejects)):
            if stream.upload:
                with suppress(MaasError):  # the bucket forgets uploads that nobody completes
                    self.files.abort(key, stream.upload)


class _Seat:
    """The state of a job while one invocation works on it."""

    def __init__(self, worker: Worker, held: Held) -> None:
        self._worker = worker
        self.held = held

    def save(self, progress: Progress, **changes: Any) -> Held:
        """Store a checkpoint, with further changes of the job."""
        job = self.held.job.model_copy(update={"progress": progress, **changes})
        self.held = self._worker._jobs.save(self.held, job)  # noqa: SLF001 -- one unit
        return self.held
