"""What is written beside the scored rows: the rejected ones, and what was done and what it cost."""

import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from maas import prices
from maas.batch.job import Job, Progress
from maas.batch.names import FileName
from maas.batch.rejects import Reject
from maas.manifest import VERSION_LENGTH

_PROCESSORS = {"aarch64": "arm64", "arm64": "arm64"}  # by the names that systems give them
_READ_BYTES = 4 * 1024 * 1024


def reject_lines(found: Iterable[Reject]) -> bytes:
    """Rejects as JSON Lines."""
    return b"".join(orjson.dumps(reject._asdict()) + b"\n" for reject in found)


def totals(ranges: Sequence[Progress]) -> Progress:
    """The sums over ranges in the order of the file; digests follow each other, streams are left out."""
    return Progress(
        offset=max((r.offset for r in ranges), default=0),
        encoding=next((r.encoding for r in ranges if r.encoding), None),
        rows=sum(r.rows for r in ranges),
        scored=sum(r.scored for r in ranges),
        rejected=sum(r.rejected for r in ranges),
        blocks=sum(r.blocks for r in ranges),
        model_seconds=sum(r.model_seconds for r in ranges),
        ignored=tuple(sorted({name for r in ranges for name in r.ignored})),
        pieces=tuple(piece for r in ranges for piece in r.pieces),
    )


def report(
    job: Job, name: FileName, ranges: Sequence[Progress], *, now: float, memory: int
) -> dict[str, Any]:
    """The report of a finished job; `memory` is that of this function in MB, `now` in seconds since 1970."""
    total = totals(ranges)
    return {
        "file": job.key,
        "model": name.model,
        "model_version": job.version[:VERSION_LENGTH],
        "manifest": job.version,
        "rows": total.rows,
        "scored": total.scored,
        "rejected": total.rejected,
        "encoding": total.encoding or (job.start.encoding if job.start else None) or "ascii",
        "ignored": list(total.ignored),
        "input": {
            "etag": job.etag,
            "size": job.size,
            "rows_sha256": [piece._asdict() for piece in total.pieces],
        },
        "output": {
            "key": name.output,
            "size": sum(r.output.size for r in ranges),
            "sha256": [piece._asdict() for r in ranges for piece in r.output.pieces],
        },
        "rejects": {
            "key": name.rejects,
            "size": sum(r.rejects.size for r in ranges),
            "sha256": [piece._asdict() for r in ranges for piece in r.rejects.pieces],
        },
        "began": _iso(job.began),
        "finished": _iso(now),
        "seconds": round(now - job.began, 3),
        "invocations": job.invocations,
        "blocks": total.blocks,
        "cost": _cost(job, total, memory),
    }


def to_json(document: dict[str, Any]) -> bytes:
    """A document for people: indented."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n"


def error(job: Job, reason: str, *, now: float) -> dict[str, Any]:
    """What people read where a file could not be scored at all."""
    return {
        "file": job.key,
        "etag": job.etag,
        "reason": reason,
        "next_step": "Correct the cause, then drop the file again, or send it again with `maas redrive`.",
        "time": _iso(now),
    }


def _cost(job: Job, total: Progress, memory: int) -> dict[str, Any]:
    # All functions of a stack have one kind of processor.
    processor = _PROCESSORS.get(platform.machine(), "x86_64")
    compute = prices.compute_price((total.model_seconds + job.seconds) * 1000, memory, processor)
    calls = (total.blocks + job.invocations) * prices.LAMBDA_REQUEST
    storage = 8 * prices.S3_WRITE + (job.size // _READ_BYTES + 8) * prices.S3_READ
    return {
        "usd": round(compute + calls + storage, 8),
        "assumes": f"list prices of {prices.REGION}, {prices.AS_OF}, {processor}; {memory} MB for each "
        "function; Lambda and S3 requests, without storage and transfer",
    }


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
