"""Files for the tiny model, and what their results must be, worked out row by row and in another way."""

import csv
import gzip
import io
import json
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from pydantic import ValidationError

from maas.contract import rows as plain
from maas.serving import Served
from tests import tiny_model
from tests.tiny_model import Reading

COLUMNS = ("id", "timestamp", "temperature", "lanes", "speeds", "weather", "rain", "note")
NUMBERS = ("temperature", "lanes", "rain")


@dataclass(frozen=True)
class InboxFile:
    """A file's name after inbox/<model>/, its bytes, and its rows as (line, record or None)."""

    name: str
    body: bytes
    rows: tuple[tuple[int, dict[str, Any] | None], ...]
    texts: tuple[tuple[str, ...], ...]

    @property
    def scorable(self) -> list[int]:
        """Places of the rows that the contract accepts."""
        return [place for place, (_, record) in enumerate(self.rows) if accepted(record)]


def accepted(record: dict[str, Any] | None) -> bool:
    """Whether the contract accepts a record sent over HTTP."""
    if record is None:
        return False
    try:
        Reading.model_validate_json(json.dumps(record))
    except ValidationError:
        return False
    return True


def generate(seed: int, rows: int) -> InboxFile:
    """A file of some kind with good and bad rows; the same one for the same seed."""
    source = random.Random(seed)
    kind = source.choice(["csv", "csv", "jsonl"])
    quoted, zipped = source.random() < 0.5, source.random() < 0.25
    encoding = source.choice(["utf-8", "utf-8", "utf-8-sig", "gb18030"]) if kind == "csv" else "utf-8"
    records = [_record(source, place, quoted=quoted) for place in range(rows)]
    text, lines, cells = (_csv if kind == "csv" else _jsonl)(source, records)
    body = text.encode(encoding)
    name = f"{seed} 车流.{kind}"
    kept = tuple((line, _meant(record)) for line, record in zip(lines, records, strict=True))
    if zipped:
        return InboxFile(f"{name}.gz", gzip.compress(body, mtime=0), kept, cells)
    return InboxFile(name, body, kept, cells)


def expected(file: InboxFile, served: Served) -> tuple[list[tuple[Any, ...]], list[int]]:
    """The rows of the output, and the lines of the rejected rows, both in order."""
    good = file.scorable
    records = [file.rows[place][1] for place in good]
    given = [{k: v for k, v in record.items() if k != "id"} for record in records if record]
    answers = plain(served.predict(served.contract.parse(given))) if given else []
    output = [(*file.texts[place], answer["volume"]) for place, answer in zip(good, answers, strict=True)]
    chosen = set(good)
    return output, [line for place, (line, _) in enumerate(file.rows) if place not in chosen]


def read_output(file: InboxFile, body: bytes) -> list[tuple[Any, ...]]:
    """The rows of an output, as `expected` has them."""
    if file.name.endswith(".gz"):
        body = gzip.decompress(body)
    text = body.decode("utf-8-sig")
    if ".jsonl" in file.name:
        found = [json.loads(line) for line in text.splitlines()]
        return [(*(_text(d.get(name)) for name in COLUMNS), d["volume"]) for d in found]
    table = list(csv.reader(io.StringIO(text, newline="")))
    if not table:
        return []
    assert tuple(table[0]) == (*COLUMNS, "volume")
    return [(*row[:-1], float(row[-1])) for row in table[1:]]


@cache
def weights(version: str) -> list[float]:
    """The weights of one of two versions that differ in every prediction."""
    return [float(place + 1) * (1 if version == "a" else -2) for place in range(len(tiny_model.FEATURES))]


def _record(source: random.Random, place: int, *, quoted: bool) -> dict[str, Any]:
    moment = datetime.fromisoformat("2026-01-01") + timedelta(hours=source.randrange(5000))
    record: dict[str, Any] = {
        "id": f"行{place}",
        "timestamp": moment.isoformat(),
        "temperature": round(source.uniform(-20, 40), 2),
        "lanes": source.randrange(1, 12),
        "speeds": [source.randrange(200), round(source.uniform(0, 199), 1)],
        "weather": source.choice(["Clear", "Rain", "雪"]),
        "rain": source.choice([None, 0.5, 3]),
        "note": source.choice(["", 'a "b", c', "two\nlines", "中文"]) if quoted else "x",
    }
    if source.random() < 0.12:
        field, value = source.choice(
            [
                ("temperature", 99),
                ("temperature", "warm"),
                ("lanes", 0),
                ("weather", "Hail"),
                ("timestamp", "2026-02-30T00:00:00"),
                ("speeds", [1]),
                ("rain", -1),
                ("lanes", "1_0"),
            ]
        )
        record[field] = value
    return record


def _text(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, list) else str(value)


def _csv(
    source: random.Random, records: list[dict[str, Any]]
) -> tuple[str, list[int], tuple[tuple[str, ...], ...]]:
    end = source.choice(["\n", "\r\n"])
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=end)
    writer.writerow(COLUMNS)
    lines, cells = [], []
    for record in records:
        if source.random() < 0.05:
            out.write(end)  # a blank line is no row
        lines.append(out.getvalue().count("\n") + 1)
        row = tuple(_text(record[name]) for name in COLUMNS)
        writer.writerow(row)
        cells.append(row)
    text = out.getvalue()
    return (text.removesuffix(end) if source.random() < 0.5 else text), lines, tuple(cells)


def _jsonl(
    _: random.Random, records: list[dict[str, Any]]
) -> tuple[str, list[int], tuple[tuple[str, ...], ...]]:
    text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    cells = tuple(tuple(_text(record[name]) for name in COLUMNS) for record in records)
    return text, list(range(1, len(records) + 1)), cells


def _meant(record: dict[str, Any]) -> dict[str, Any]:
    """What the contract sees of a record: it takes the id for none of its business."""
    return {name: value for name, value in record.items() if name != "id"}
