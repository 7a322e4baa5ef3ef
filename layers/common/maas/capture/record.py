"""One captured request, and the lines it becomes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import orjson

from maas.contract import Columns, Contract, rows
from maas.emf import Track
from maas.masking import Mask, Pseudonyms

MOST_ROWS = 100
"""Rows kept of one request: a sample of a file of thousands says as much."""
_SUBJECT = "subject"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer, as columns.

    Attributes:
        request_id: What the caller was told; with a row's number it is the id of a prediction.
        version: Which version answered.
        track: In which role.
        time: When, in UTC.
        milliseconds: What the answer took.
        columns: The records.
        answers: The predictions.
        subject: The caller's name for whom it is about.
    """

    request_id: str
    version: str
    track: Track
    time: datetime
    milliseconds: float
    columns: Columns
    answers: Columns
    subject: str | None = None


def prediction_id(request_id: str, row: int) -> str:
    """The name of one prediction, by which its outcome is reported."""
    return f"{request_id}/{row}"


def subject_hash(pseudonyms: Pseudonyms, subject: str) -> str:
    """What is kept of a subject's name."""
    return pseudonyms.of(subject, kind=_SUBJECT)


def lines(
    exchange: Exchange, model: str, contract: Contract[Any, Any], mask: Mask, pseudonyms: Pseudonyms | None
) -> Iterator[bytes]:
    """A JSON line for each row that is kept: evenly spaced ones, where there are many."""
    count = len(next(iter(exchange.answers.values())))
    chosen = np.unique(np.linspace(0, count - 1, min(count, MOST_ROWS)).astype(np.intp))
    columns = {name: column[chosen] for name, column in exchange.columns.items()}
    answers = {name: column[chosen] for name, column in exchange.answers.items()}
    signals = mask.signals.of(contract.matrix(columns), answers)
    common = {
        "model": model,
        "version": exchange.version,
        "track": exchange.track,
        "time": exchange.time.isoformat(timespec="milliseconds"),
        "milliseconds": exchange.milliseconds,
    }
    if exchange.subject is not None and pseudonyms is not None:
        common[_SUBJECT] = subject_hash(pseudonyms, exchange.subject)
    for row, record, answer, values in zip(
        chosen.tolist(), rows(columns), rows(answers), signals.tolist(), strict=True
    ):
        yield orjson.dumps(
            {
                "id": prediction_id(exchange.request_id, row),
                **common,
                "instance": mask.instance(record, pseudonyms),
                "prediction": answer,
                # As they are: a digit less, and a value might be on the other side of a bin's edge.
                "signals": [value if kept else None for value, kept in zip(values, mask.kept, strict=True)],
            }
        )
