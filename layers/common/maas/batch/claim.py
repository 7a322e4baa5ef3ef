"""Who works on a job: one at a time, for a limited time; duplicates of what is done come to nothing."""

from collections.abc import Callable
from typing import Protocol

from maas.batch import names
from maas.batch.event import Message
from maas.batch.files import Files, Head
from maas.batch.job import Held, Job, Jobs, Overtaken, job_id
from maas.batch.publish import is_published
from maas.errors import MaasError

LEASE_MARGIN_SECONDS = 30.0


class Sender(Protocol):
    """The queues, as `maas.batch.queue.Queue` has them."""

    def send(self, message: Message, *, delay: float = 0) -> None:
        """Send a message to ourselves."""

    def bury(self, message: Message, reason: str) -> None:
        """Put a message where people see it."""


class TryAgain(MaasError):
    """The message is to come again: what it asks for could not be done now."""

    status, code, title = 503, "try-again", "Try again"


class Claims:
    """Takes jobs.

    Args:
        files: The data bucket.
        jobs: The states.
        queue: Where messages go.
        clock: Seconds since 1970.
        nonce: Something that never comes twice.
    """

    def __init__(
        self,
        files: Files,
        jobs: Jobs,
        queue: Sender,
        clock: Callable[[], float],
        nonce: Callable[[], str],
    ) -> None:
        self._files = files
        self._jobs = jobs
        self._queue = queue
        self._clock = clock
        self._nonce = nonce

    def take(self, message: Message, head: Head, seconds: float) -> Held | None:
        """Make the job ours for `seconds` and a little more; None where there is nothing to do for us."""
        held = self._jobs.read(job_id(message.bucket, message.key, head.etag))
        if held is None:
            fresh = self._fresh(message, head)
            held = self._jobs.create(self._owned(fresh, seconds))
            if held is not None:
                return held
            held = self._jobs.read(fresh.id)
            if held is None:
                raise TryAgain(f"the state of {message.key} comes and goes")
        job = held.job
        dropped_again = message.kind == "dropped" and message.sequencer != job.sequencer
        match job.status:
            case "done":
                if not dropped_again or is_published(self._files, job, names.read(job.key)):
                    return None
                job = self.anew(job, message, version=job.version)
            case "failed" | "replaced":
                if not dropped_again and message.kind != "redrive":
                    return None
                job = self.anew(job, message, version="")
            case _ if job.lease > self._clock():
                # Whoever is at it may crash: somebody has to look after them.
                self._queue.send(
                    message._replace(kind="look"), delay=job.lease - self._clock() + LEASE_MARGIN_SECONDS
                )
                return None
        try:
            return self._jobs.save(held, self._owned(job, seconds))
        except Overtaken:
            self._queue.send(message._replace(kind="look"), delay=LEASE_MARGIN_SECONDS)
            return None

    def _fresh(self, message: Message, head: Head) -> Job:
        return Job(
            bucket=message.bucket,
            key=message.key,
            etag=head.etag,
            size=head.size,
            sequencer=message.sequencer,
            began=self._clock(),
            nonce=self._nonce(),
        )

    def anew(self, job: Job, message: Message, *, version: str) -> Job:
        """The job, to be done from the beginning; by `version`, or by production's where empty."""
        return Job(
            bucket=job.bucket,
            key=job.key,
            etag=job.etag,
            size=job.size,
            sequencer=message.sequencer or job.sequencer,
            run=job.run + 1,
            version=version,
            began=self._clock(),
            nonce=self._nonce(),
        )

    def _owned(self, job: Job, seconds: float) -> Job:
        return job.model_copy(
            update={
                "owner": self._nonce(),
                "lease": self._clock() + seconds + LEASE_MARGIN_SECONDS,
                "invocations": job.invocations + 1,
            }
        )
