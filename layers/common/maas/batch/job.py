"""The state of a job: one small object in the data bucket, changed only by compare-and-swap."""

from hashlib import sha256
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from maas.batch.files import Files
from maas.batch.names import JOBS
from maas.batch.source import Encoding, Start
from maas.batch.upload import Piece, StreamState
from maas.errors import AlreadyExists, Conflict, IntegrityError, KeyMissing

Status = Literal["running", "publishing", "done", "failed", "replaced"]


class Overtaken(Conflict):
    """Somebody else works on this job by now."""


class _State(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Progress(_State):
    """How far the scoring of a file, or of a range of it, has come.

    Attributes:
        offset: Bytes of the file, uncompressed, that are done with.
        line: The line that follows.
        encoding: Of the text, once some of it was other than ASCII.
        rows: Rows met so far: `scored` + `rejected`.
        blocks: Blocks that were scored.
        model_seconds: What they took in the model's function.
        header: The header of the output, once the model's function gave it.
        ignored: Names in the file that the model does not know.
        pieces: Digests of the rows read.
        output: The scored rows.
        rejects: The rejected ones.
    """

    offset: int = 0
    line: int = 1
    encoding: Encoding | None = None
    rows: int = 0
    scored: int = 0
    rejected: int = 0
    blocks: int = 0
    model_seconds: float = 0.0
    header: str | None = None
    ignored: tuple[str, ...] = ()
    pieces: tuple[Piece, ...] = ()
    output: StreamState = StreamState()
    rejects: StreamState = StreamState()


class Job(_State):
    """One object of the inbox on its way, or there.

    Attributes:
        bucket, key, etag: The object; together they are the job's identity.
        size: Its size in bytes.
        sequencer: The event that caused it, so that a duplicate is told from the same file dropped again.
        run: Counts the attempts that began from the beginning.
        status: Where it stands.
        reason: Why it failed.
        version: The manifest's digest of the version that scores every row.
        start: How the file begins.
        progress: How far it is.
        owner: Who works on it.
        lease: Until when nobody else may, in seconds since 1970.
        began: When it began.
        invocations: How many it took.
        seconds: What they took.
        nonce: Marks what this attempt publishes.
    """

    bucket: str
    key: str
    etag: str
    size: int
    sequencer: str = ""
    run: int = 1
    status: Status = "running"
    reason: str = ""
    version: str = ""
    start: Start | None = None
    progress: Progress = Progress()
    owner: str = ""
    lease: float = 0.0
    began: float = 0.0
    invocations: int = 0
    seconds: float = 0.0
    nonce: str = ""

    @property
    def id(self) -> str:
        """The job's name: the digest of the object's identity."""
        return job_id(self.bucket, self.key, self.etag)

    @property
    def folder(self) -> str:
        """The prefix of everything this run stores on its way."""
        return f"{JOBS}{self.id}/{self.run}/"

    @property
    def mark(self) -> str:
        """What says on a published object which job and run made it."""
        return f"{self.id}/{self.run}/"


def job_id(bucket: str, key: str, etag: str) -> str:
    """32 hexadecimal digits that belong to one version of one object."""
    return sha256(f"{bucket}\0{key}\0{etag}".encode()).hexdigest()[:32]


class Held(NamedTuple):
    """A job as it was last read or written, and the entity tag that says so."""

    job: Job
    tag: str


class Jobs:
    """Reads and writes the states."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def read(self, identity: str) -> Held | None:
        """A job's state; None before it began.

        Raises:
            IntegrityError: It was edited by hand.
        """
        key = _key(identity)
        try:
            found = self._files.read(key)
        except KeyMissing:
            return None
        try:
            return Held(Job.model_validate_json(found.body), found.etag)
        except ValidationError as error:
            raise IntegrityError(f"{key} is no job: remove it, then drop the file again") from error

    def create(self, job: Job) -> Held | None:
        """Write the first state of a job; None where somebody was quicker."""
        try:
            return Held(job, self._put(job, if_none_match=True))
        except AlreadyExists:
            return None

    def save(self, held: Held, job: Job) -> Held:
        """Replace the state that was held.

        Raises:
            Overtaken: It is another one by now.
        """
        try:
            return Held(job, self._put(job, if_match=held.tag))
        except Conflict as error:
            raise Overtaken(f"another invocation has taken over {job.key}") from error

    def _put(self, job: Job, *, if_none_match: bool = False, if_match: str | None = None) -> str:
        return self._files.put(
            _key(job.id),
            job.model_dump_json().encode(),
            if_none_match=if_none_match,
            if_match=if_match,
            content_type="application/json",
        )


def _key(identity: str) -> str:
    return f"{JOBS}{identity}/job.json"
