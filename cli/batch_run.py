"""A file scored by a model's function that runs in this process: the same blocks, the same code."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from maas.batch.cut import Cutter
from maas.batch.invoke import BlockScorer
from maas.batch.limits import Limits
from maas.batch.names import FileName
from maas.batch.report import reject_lines
from maas.batch.scoring import Block, Scorer
from maas.batch.source import Source, encoding_of

if TYPE_CHECKING:
    from maas.contract import Contract
    from maas.manifest import Manifest

type Told = Callable[[float, float], None]
_PLENTY_SECONDS = 1e9


class LocalFile:
    """Reads ranges of a file on this machine, as S3 would."""

    def read_range(self, key: str, _: str, start: int, end: int) -> bytes:
        """Bytes start to end (exclusive) of the file at path `key`."""
        with Path(key).open("rb") as stream:  # nosemgrep: no-open-on-a-key - named by who calls the command
            stream.seek(start)
            return stream.read(end - start)


def score(
    path: Path,
    out: Path,
    *,
    name: FileName,
    contract: "Contract[Any, Any]",
    version: tuple["Manifest", bytes],
    told: Told,
) -> dict[str, Any]:
    """Score a file into `out` and `out`.rejects.jsonl, which appear whole or not at all; a short report.

    `told` is called with the bytes that are done and their number.

    Raises:
        Refused: Nothing in the file can be scored.
    """
    from maas.runtime import Session
    from maas.serving import Served

    began = time.perf_counter()
    manifest, artifact = version
    served = Served(manifest, contract, Session(artifact, threads=1), 0.0)
    scorer = Scorer(contract)

    def invoke(event: Mapping[str, Any]) -> dict[str, Any]:
        answer = scorer.score(Block.read(event), served.predict)
        return {**answer, "model_version": manifest.version}

    size, limits = path.stat().st_size, Limits()
    source = Source(LocalFile(), str(path), "", size, name, read=limits.read)
    start = source.begin()
    blocks = BlockScorer(invoke, manifest.digest, name.format, start.header, lambda: _PLENTY_SECONDS)
    cutter = Cutter(quoted=name.format == "csv", offset=start.offset, line=start.line)
    rows = scored = 0
    encoding, header, ignored = start.encoding, "", set[str]()
    with _Appearing(out) as streams:
        results, rejects = streams
        for cut in cutter.cut(source.chunks(start.offset)):
            encoding = encoding or encoding_of(cut.data)
            found = blocks(cut, encoding or "utf-8")
            if found.header and not header:
                header = found.header
                results.write(f"{header}\n".encode())
            results.write(found.data)
            rejects.write(reject_lines(found.rejects))
            rows, scored = rows + found.rows, scored + found.scored
            ignored |= set(found.ignored)
            told(cut.end, size)
    return {
        "file": str(path),
        "model": manifest.model,
        "model_version": manifest.version,
        "rows": rows,
        "scored": scored,
        "rejected": rows - scored,
        "encoding": encoding or "ascii",
        "ignored": sorted(ignored),
        "seconds": round(time.perf_counter() - began, 3),
        "output": {"path": str(out)},
        "rejects": {"path": str(rejects_path(out))},
    }


def rejects_path(out: Path) -> Path:
    """Where the rejected rows go, beside the scored ones."""
    return out.with_name(f"{out.name}.rejects.jsonl")


class _Appearing:
    """Two files that appear when all went well, the second one beside the first."""

    def __init__(self, out: Path) -> None:
        self._paths = (out, rejects_path(out))
        self._stack = ExitStack()

    def __enter__(self) -> tuple[BinaryIO, BinaryIO]:
        import gzip

        for path in self._paths:
            path.parent.mkdir(parents=True, exist_ok=True)
        first, second = (self._stack.enter_context(_part(path).open("wb")) for path in self._paths)
        if self._paths[0].name.endswith(".gz"):
            packed = self._stack.enter_context(gzip.GzipFile(fileobj=first, mode="wb", mtime=0))
            return cast("BinaryIO", packed), second
        return first, second

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._stack.close()
        for path in self._paths:
            if kind is None:
                _part(path).replace(path)
            else:
                _part(path).unlink(missing_ok=True)


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")
