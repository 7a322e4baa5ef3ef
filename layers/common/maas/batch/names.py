"""Where a file lies, what its name says it is, and where its results go."""

import re
from typing import Literal, NamedTuple

from maas.errors import MaasError
from maas.manifest import MODEL_NAME_PATTERN

INBOX, OUTBOX, JOBS = "inbox/", "outbox/", "jobs/"
_SUFFIX = re.compile(r"\.(csv|jsonl)(\.gz)?$", re.IGNORECASE)


class Refused(MaasError):
    """Nothing in this file can be scored; the detail tells the person who dropped it why."""

    status, code, title = 422, "file-refused", "File refused"


class FileName(NamedTuple):
    """An inbox key, read."""

    model: str
    path: str
    format: Literal["csv", "jsonl"]
    compressed: bool

    @property
    def output(self) -> str:
        """The key of the scored rows."""
        return output_key(self.model, self.path)

    @property
    def rejects(self) -> str:
        """The key of the rows that could not be scored."""
        return f"{self.output}.rejects.jsonl"

    @property
    def report(self) -> str:
        """The key of the report, which is written last."""
        return f"{self.output}.report.json"


def output_key(model: str, path: str) -> str:
    """Where the result of inbox/<model>/<path> goes."""
    return f"{OUTBOX}{model}/{path}"


def error_key(key: str) -> str:
    """Where the reason goes why the file at this key could not be scored."""
    return f"{OUTBOX}{key.removeprefix(INBOX)}.error.json"


def read(key: str) -> FileName:
    """What an inbox key says.

    Raises:
        Refused: It is not inbox/<model>/<anything>.csv|jsonl[.gz].
    """
    model, _, path = key.removeprefix(INBOX).partition("/")
    if not key.startswith(INBOX) or not path or re.fullmatch(MODEL_NAME_PATTERN, model) is None:
        raise Refused("Files go to inbox/<model>/<name>, where <model> is the name of a model.")
    suffix = _SUFFIX.search(path)
    if suffix is None:
        raise Refused("The name must end in .csv, .jsonl, .csv.gz or .jsonl.gz.")
    return FileName(
        model, path, "csv" if suffix[1].lower() == "csv" else "jsonl", compressed=suffix[2] is not None
    )
