"""The scoring of a file, or of a range of it: from offset to offset, through blocks, into two streams."""

import gzip
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import takewhile
from typing import NamedTuple

from maas.batch.cut import Cut, Cutter
from maas.batch.files import Files
from maas.batch.invoke import BlockFailed, BlockScorer, Scored, Throttled
from maas.batch.job import Job, Progress
from maas.batch.limits import Limits
from maas.batch.names import FileName
from maas.batch.report import reject_lines
from maas.batch.source import Encoding, Source, encoding_of
from maas.batch.upload import Piece, Stream, StreamState
from maas.batch.window import in_order

_MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}
_BOM = "\ufeff"


class Outcome(NamedTuple):
    """Where a scan stopped: at the end, or before it because time ran out."""

    progress: Progress
    finished: bool
    output: bytes | None
    rejects: bytes | None


class Scan:
    """One invocation's walk over a file.

    Args:
        files: The data bucket.
        job: The file and how it is scored.
        name: What its name says.
        scorer: Scores a block.
        limits: Sizes.
        remaining: Seconds until the time limit.
        nonce: Unique to this invocation.
        save: Stores a checkpoint.
        first_number: The first part number of this range.
        part: Bytes per part.
    """

    def __init__(
        self,
        files: Files,
        job: Job,
        name: FileName,
        scorer: BlockScorer,
        *,
        limits: Limits,
        remaining: Callable[[], float],
        nonce: str,
        save: Callable[[Progress], object],
        scratch: str,
        progress: Progress,
        first_number: int = 1,
        part: int | None = None,
    ) -> None:
        self._job = job
        self._name = name
        self._scorer = scorer
        self._limits = limits
        self._remaining = remaining
        self._nonce = nonce
        self._save = save
        self._progress = progress
        self._source = Source(files, job.key, job.etag, job.size, name, read=limits.read)
        self._digest = sha256()
        self._read = 0
        self._checkpoints = 0

        def stream(key: str, state: StreamState, folder: str, media_type: str) -> Stream:
            return Stream(
                files,
                key,
                state,
                scratch=f"{scratch}{folder}/",
                metadata={"maas-job": f"{job.mark}{job.nonce}"},
                content_type=media_type,
                first_number=first_number,
                part=part or limits.part,
            )

        self._output = stream(name.output, progress.output, "output", media_type(name))
        self._rejects = stream(name.rejects, progress.rejects, "rejects", "application/jsonl")

    def run(self, end: int | None = None) -> Outcome:
        """Score up to `end` (default: the end of the file), or until time runs out.

        Raises:
            Throttled, BlockFailed: The model's function does not answer, and nothing was achieved.
            Refused: Nothing in the file can be scored.
            Replaced: The file is another one by now.
        """
        finished = False

        def cuts() -> Iterator[tuple[Cut, Encoding | None]]:
            nonlocal finished
            encoding = self._progress.encoding
            cutter = Cutter(
                quoted=self._name.format == "csv",
                offset=self._progress.offset,
                line=self._progress.line,
                block=self._limits.block,
                longest=self._limits.row,
            )
            for cut in cutter.cut(self._source.chunks(self._progress.offset, end)):
                encoding = encoding or encoding_of(cut.data)
                yield cut, encoding
            finished = True

        began = since = self._progress.offset
        # However short the time is, some of it is for work.
        margin = min(self._limits.margin, self._remaining() / 2)
        in_time = takewhile(lambda _: self._remaining() > margin, cuts())
        try:
            for (cut, encoding), scored in in_order(self._score, in_time, self._limits.width):
                self._take(cut, encoding, scored)
                if self._progress.offset - since >= self._limits.checkpoint:
                    since = self._progress.offset
                    self._save(self.checkpoint())
        except (Throttled, BlockFailed):
            if self._progress.offset == began:
                raise
            # What was done is kept; whether it goes on from there shows when it is tried again.
            return Outcome(self.checkpoint(), finished=False, output=None, rejects=None)
        if not finished:
            return Outcome(self.checkpoint(), finished=False, output=None, rejects=None)
        self._probe()
        return self._finish(keep=end is None)

    def checkpoint(self) -> Progress:
        """Where the scan stands, with everything stored that it needs to go on from there."""
        self._checkpoints += 1
        name = f"{self._nonce}-{self._checkpoints}"
        return self._seen(self._output.checkpoint(name), self._rejects.checkpoint(name))

    def _finish(self, *, keep: bool) -> Outcome:
        output, rejects = self._output.whole, self._rejects.whole
        if keep and output is not None and rejects is not None:
            states = self._output.described(), self._rejects.described()
        else:
            output = rejects = None
            states = self._output.close(self._nonce), self._rejects.close(self._nonce)
        return Outcome(self._seen(*states), finished=True, output=output, rejects=rejects)

    def _score(self, item: tuple[Cut, Encoding | None]) -> Scored:
        cut, encoding = item
        scored = self._scorer(cut, encoding or "utf-8")
        return scored._replace(data=self._packed(scored.data))

    def _take(self, cut: Cut, encoding: Encoding | None, scored: Scored) -> None:
        self._head(scored.header)
        self._output.write(scored.data)
        self._rejects.write(reject_lines(scored.rejects))
        self._digest.update(cut.data)
        self._read += len(cut.data)
        before = self._progress
        self._progress = before.model_copy(
            update={
                "offset": cut.end,
                "line": cut.next_line,
                "encoding": encoding,
                "rows": before.rows + scored.rows,
                "scored": before.scored + scored.scored,
                "rejected": before.rejected + len(scored.rejects),
                "blocks": before.blocks + (cut.refused is None),
                "model_seconds": before.model_seconds + scored.seconds,
                "ignored": tuple(sorted({*before.ignored, *scored.ignored}))[:100],
            }
        )

    def _probe(self) -> None:
        """Ask for the output's header where no block gave it: the file has a header and no rows."""
        if self._job.start and self._job.start.header and self._progress.header is None:
            empty = Cut(b"", self._progress.line, self._progress.offset, self._progress.line)
            self._head(self._scorer(empty, "utf-8").header)

    def _head(self, header: str) -> None:
        if not header or self._progress.header is not None:
            return
        self._progress = self._progress.model_copy(update={"header": header})
        start = self._job.start
        # With the mark spreadsheets read UTF-8 as what it is; GBK comes out as UTF-8.
        marked = start is not None and (start.marked or start.encoding == "gb18030")
        self._output.write(self._packed(f"{_BOM if marked else ''}{header}\n".encode()))

    def _packed(self, data: bytes) -> bytes:
        # Members of one gzip file may follow each other.
        return gzip.compress(data, 4, mtime=0) if self._name.compressed and data else data

    def _seen(self, output: StreamState, rejects: StreamState) -> Progress:
        piece = [Piece(self._read, self._digest.hexdigest())] if self._read else []
        pieces = (*self._progress.pieces, *piece)
        return self._progress.model_copy(update={"pieces": pieces, "output": output, "rejects": rejects})


def media_type(name: FileName) -> str:
    """The media type of a result."""
    return "application/gzip" if name.compressed else _MEDIA_TYPES[name.format]
