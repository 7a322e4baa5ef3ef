"""The end of a job: its results appear, each whole, none over the results of a newer file."""

from collections.abc import Callable
from contextlib import suppress

from maas.batch import report
from maas.batch.files import Files, Head, Replaced
from maas.batch.job import Job, Progress
from maas.batch.limits import Limits
from maas.batch.names import FileName, error_key
from maas.batch.scan import Outcome, media_type
from maas.batch.upload import StreamState, assemble
from maas.errors import ConfigurationError, Conflict, KeyMissing, MaasError
from maas.s3_errors import Busy

_MARK = "maas-job"
_ATTEMPTS = 6
_FEW_PARTS = 4  # that fit into memory


class LostUpload(Conflict):
    """The parts of the result are gone or are not those that were written: begin again."""


class Publisher:
    """Publishes the results of one job.

    Args:
        files: The data bucket.
        job: The job, whose file must still be the one in the inbox.
        name: What the file's name says.
        nonce: Unique to the content: what bears it already is not written again.
        limits: Sizes.
    """

    def __init__(self, files: Files, job: Job, name: FileName, nonce: str, limits: Limits) -> None:
        self._files = files
        self._job = job
        self._name = name
        self._mark = f"{job.mark}{nonce}"
        self._limits = limits

    def publish_bytes(self, outcome: Outcome) -> None:
        """Publish a result that is still in memory."""
        self._write(self._name.rejects, outcome.rejects or b"", "application/jsonl")
        self._write(self._name.output, outcome.output or b"", media_type(self._name))

    def publish_streams(self, ranges: list[tuple[int, Progress]]) -> None:
        """Publish results that wait in parts: each range's first part number and what it did, in order."""
        self._assemble(self._name.rejects, [(number, r.rejects) for number, r in ranges], "application/jsonl")
        self._assemble(
            self._name.output, [(number, r.output) for number, r in ranges], media_type(self._name)
        )

    def publish_report(self, ranges: list[Progress], *, now: float, memory: int) -> None:
        """Publish the report, which says that everything else is there."""
        document = report.report(self._job, self._name, ranges, now=now, memory=memory)
        self._write(self._name.report, report.to_json(document), "application/json")
        with suppress(MaasError):
            self._files.remove(error_key(self._job.key))

    def _write(self, key: str, body: bytes, kind: str) -> None:
        def put(over: Head | None) -> None:
            self._files.write(key, body, over=over, metadata={_MARK: self._mark}, content_type=kind)

        self._appear(key, put)

    def _assemble(self, key: str, ranges: list[tuple[int, StreamState]], kind: str) -> None:
        upload = next((state.upload for _, state in ranges if state.upload), None)
        few = sum(state.size for _, state in ranges) <= _FEW_PARTS * self._limits.part
        if upload is None or (few and not any(state.parts for _, state in ranges)):
            self._write(key, b"".join(self._files.read(s.head).body for _, s in ranges if s.head), kind)
            return

        def complete(over: Head | None) -> None:
            try:
                parts = list(assemble(self._files, key, upload, ranges, least=self._limits.least_part))
                self._files.complete(key, upload, parts, over=over)
            except (KeyMissing, ConfigurationError) as error:
                # Completed already, unless the object that is there says otherwise.
                if not self._is_ours(self._files.head(key)):
                    raise LostUpload(f"the upload of {key} is lost") from error

        self._appear(key, complete)

    def _appear(self, key: str, make: Callable[[Head | None], None]) -> None:
        """Make an object appear once, but over nothing that belongs to a newer file of the same name."""
        for attempt in range(_ATTEMPTS):
            seen = self._files.head(key)
            if self._is_ours(seen):
                return
            # In this order: results of a newer file that come after this check change what was seen.
            current = self._files.head(self._job.key)
            if current is None or current.etag != self._job.etag:
                raise Replaced(f"{self._job.key} was replaced before its results were published")
            try:
                make(seen)
            except (Busy, Conflict, KeyMissing) as error:
                if isinstance(error, LostUpload) or attempt == _ATTEMPTS - 1:
                    raise
            else:
                return

    def _is_ours(self, head: Head | None) -> bool:
        return head is not None and head.metadata.get(_MARK) == self._mark


def is_published(files: Files, job: Job, name: FileName) -> bool:
    """Whether the report of this run, the last to be written, is there."""
    head = files.head(name.report)
    return head is not None and head.metadata.get(_MARK, "").startswith(job.mark)
