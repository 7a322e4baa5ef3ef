"""A block of a file, scored in the model's function: text in, text with predictions out, row for row."""

import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from maas.batch.lines import Lines
from maas.batch.rejects import documents
from maas.batch.rows import score_rows
from maas.batch.table import Table
from maas.contract import Columns, Contract
from maas.errors import InvalidRequest, PayloadTooLarge

MAX_ANSWER_BYTES = 5_500_000  # Lambda's limit is 6 MB for the whole answer
_REJECT_BYTES = 200
Encoding = Literal["utf-8", "gb18030"]


class Block(BaseModel):
    """Consecutive rows of one file, as they lie there.

    Attributes:
        format: What the rows are written in.
        header: The first line of a CSV file, in Unicode.
        data: The bytes of the rows, whole, as base64.
        encoding: Of these bytes.
        line: The first row's line in the file, counted from 1.
        version: The version that must score it, a manifest's digest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["csv", "jsonl"]
    header: str = ""
    data: str = ""
    encoding: Encoding = "utf-8"
    line: int = Field(default=1, ge=1)
    version: str = Field(pattern=r"^[0-9a-f]{64}$")

    @classmethod
    def read(cls, event: Any) -> "Block":
        """The block of an event `{"block": {...}}`.

        Raises:
            InvalidRequest: It is none.
        """
        try:
            return cls.model_validate(event["block"])
        except ValidationError as error:
            raise InvalidRequest("The event holds no block of rows.") from error


class Scorer:
    """Scores blocks for one contract."""

    def __init__(self, contract: Contract[Any, Any]) -> None:
        self._lines = Lines(contract)
        # The blocks of one file share their header.
        self._table = lru_cache(maxsize=8)(lambda header: Table(header, contract))

    def score(self, block: Block, predict: Callable[[Columns], Columns]) -> dict[str, Any]:
        """The answer to a block: `rows` = `scored` + number of `rejects`, `data` the scored rows as base64.

        Raises:
            UnfitFile: The header does not fit the model.
            PayloadTooLarge: The answer would be: send fewer rows.
        """
        started = time.perf_counter()
        # What cannot be decoded stays recognisable, so that only its rows are rejected.
        text = b64decode(block.data).decode(block.encoding, "surrogateescape")
        reader = self._table(block.header) if block.format == "csv" else self._lines
        rows = reader.read(text, block.line)
        texts, predictions, further = score_rows(rows, predict)
        body = reader.write(texts, predictions, rows.ignored)
        rejects = sorted([*rows.rejects, *further])
        data = b64encode(body.encode()).decode()
        if len(data) + _REJECT_BYTES * len(rejects) > MAX_ANSWER_BYTES:
            raise PayloadTooLarge("The answer would be larger than 6 MB: send fewer rows at once.")
        return {
            "rows": rows.count,
            "scored": len(texts),
            "rejects": documents(rejects),
            "header": reader.header(),
            "data": data,
            "ignored": sorted(rows.ignored)[:100],
            "seconds": round(time.perf_counter() - started, 6),
        }
