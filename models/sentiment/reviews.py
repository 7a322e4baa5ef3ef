"""Reviews with their labels: ChnSentiCorp's CSV, sentence polarity files, or a folder of either or both.

ChnSentiCorp's hotel reviews (Tan Songbo) have a header `label,review` and 1 for praise; the sentence polarity
set (B. Pang and L. Lee, "Seeing stars", ACL 2005) has one sentence per line, praise in a file named
`.pos`, complaints in one named `.neg`.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from functions.sentiment.handler import handler
from maas.artifact import digest_of
from maas.errors import DataError
from maas.manifest import DataSource
from maas.preprocessing.text import normal_form
from models.csv_file import CsvFile
from models.source import Source
from models.table import Table, checked_columns

LABELS = ("negative", "positive")
_POLARITY = re.compile(r"\.(pos|neg)(?=\.|$)")
_OTHER = {"pos": "neg", "neg": "pos"}
_LONGEST = 5000
# The site appends the hotel's answer to a review: words that are not the guest's.
_REPLY = re.compile(r"(?:宾馆|酒店)反馈\s*\d{4}\s*年")


class Review(NamedTuple):
    """One labelled text and the line of its file on which it ends."""

    text: str
    label: str
    line: int


def load(source: Source) -> Table:
    """Read a CSV, a polarity file with its counterpart where that lies beside it, or a folder of them.

    Empty texts are left out, others cut to 5000 characters. Equal texts form a group.

    Raises:
        DataError: There is no such file in the folder, or one cannot be read as such.
    """
    sources = list(_parts(source))
    reviews = [review for part in sources for review in _read(part)]
    if not reviews:
        raise DataError(f"{source.name}: no texts")
    texts = [review.text for review in reviews]
    columns = checked_columns(
        handler.contract, {"text": texts}, name=source.name, lines=[review.line for review in reviews]
    )
    if len(sources) == 1:
        digest = sources[0].digest
    else:
        digest = digest_of("".join(f"{part.digest}  {part.name}\n" for part in sources).encode())
    data = DataSource(
        name=source.name,
        source=source.uri if source.uri.startswith("s3://") else source.name,
        digest=digest,
        rows=len(reviews),
        simulated=False,
    )
    target = np.array([review.label for review in reviews], object)
    return Table(columns=columns, target=target, data=data, groups=groups_of(texts))


def groups_of(texts: list[str]) -> np.typing.NDArray[np.intp]:
    """A number per text, equal for texts that differ in case, width or white space only."""
    plain = np.array([normal_form(text).replace(" ", "") for text in texts], object)
    return np.unique(plain, return_inverse=True)[1]


def _parts(source: Source) -> Iterator[Source]:
    if source.files:
        known = [
            path for path in source.files if _POLARITY.search(path) or path.endswith((".csv", ".csv.gz"))
        ]
        if not known:
            raise DataError(f"{source.uri}: no .csv, .pos or .neg file in this folder")
        yield from map(source.file, known)
        return
    yield source
    polarity = _POLARITY.search(source.name)
    if polarity is not None:
        other = _POLARITY.sub(f".{_OTHER[polarity[1]]}", source.name, count=1)
        try:
            yield source.beside(other)
        except DataError:  # one file alone is a table of one class, good enough to be scored
            return


def _read(source: Source) -> Iterator[Review]:
    polarity = _POLARITY.search(source.name)
    if polarity is None:
        yield from _read_csv(source)
        return
    label = "positive" if polarity[1] == "pos" else "negative"
    # The set's own encoding is Latin-1; copies in UTF-8 go round, too, and decode as nothing else.
    try:
        content = source.data.decode("utf-8-sig")
    except UnicodeDecodeError:
        content = source.data.decode("cp1252", "replace")
    for line, text in enumerate(content.split("\n"), start=1):
        if text.strip():
            yield Review(text.strip()[:_LONGEST], label, line)


def _read_csv(source: Source) -> Iterator[Review]:
    file = CsvFile.parse(source, required=("label", "review"))
    for line, label, text in zip(file.lines, file.text("label"), file.text("review"), strict=True):
        if label not in {"0", "1"}:
            raise DataError(f"{source.name}: line {line}: column 'label': {label[:40]!r} is neither 0 nor 1")
        guest = _REPLY.split(text, maxsplit=1)[0].strip() or text
        if guest:
            yield Review(guest[:_LONGEST], LABELS[int(label)], line)
