"""What callers reported to be true: through `:feedback`, or as files put beside it."""

import csv
import re
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from operator import itemgetter
from typing import Any

import orjson

from maas.capture.feedback import is_prediction_id
from maas.monitor.captures import bodies, unpacked_lines
from maas.monitor.sample import Sample
from maas.monitoring import Outcome
from maas.s3_errors import translated
from maas.store import ObjectStore
from maas.truth import Truth

MOST_OUTCOMES = 100_000
"""Of a model, held at once; where more were reported, every other one is left out, and again."""
_MOST_OBJECTS = 20_000
_PARTITION = re.compile(r"date=(\d{4}-\d{2}-\d{2})/")
_FILE = re.compile(r"\.(csv|jsonl)(\.gz)?$")
_TRUE, _FALSE = {"true", "1", "yes"}, {"false", "0", "no"}


def read_outcomes(
    store: ObjectStore, model: str, outcomes: tuple[Outcome, ...], *, since: datetime
) -> tuple[dict[str, dict[str, Any]], int]:
    """The outcomes reported since `since`, by prediction id; and how many lines made no sense.

    Of several outcomes of one prediction the last counts, field by field. Not more than `MOST_OUTCOMES`.

    Raises:
        MaasError: S3 does not answer, or refuses.
    """
    truth = Truth(outcomes)
    said: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    broken = drawn = 0
    modified = {key: moment for moment, key in Sample(_MOST_OBJECTS, _objects(store, model, since))}
    for key, body in bodies(store, modified):
        for item in _items(body, key, outcomes):
            identifier = item.get("id") if item else None
            if not item or not is_prediction_id(identifier):
                broken += 1
                continue
            outcome, faults = truth.read(item.get("outcome"), "")
            if faults:
                broken += 1
                continue
            received = item.get("received")
            moment = received if isinstance(received, str) else modified[key].isoformat()
            if _is_drawn(str(identifier), drawn):
                said.setdefault(str(identifier), []).append((moment, outcome))
        while len(said) > MOST_OUTCOMES:
            drawn += 1
            said = {name: words for name, words in said.items() if _is_drawn(name, drawn)}
    found: dict[str, dict[str, Any]] = {}
    for identifier, words in said.items():
        found[identifier] = {}
        for _, outcome in sorted(words, key=itemgetter(0)):
            found[identifier].update(outcome)
    return found, broken


def _is_drawn(identifier: str, halvings: int) -> bool:
    """Whether a prediction is among those left after so many halvings: the same ones each time."""
    return not zlib.crc32(identifier.encode()) & ((1 << halvings) - 1)


def _objects(store: ObjectStore, model: str, since: datetime) -> Iterator[tuple[datetime, str]]:
    """Time and key of each object that may hold outcomes since then."""
    prefix = f"outcomes/{model}/"
    with translated("s3:ListBucket", store.bucket, prefix):
        for page in store.client.get_paginator("list_objects_v2").paginate(
            Bucket=store.bucket, Prefix=prefix
        ):
            for entry in page.get("Contents", ()):
                key, modified = entry["Key"], entry["LastModified"]
                partition = _PARTITION.match(key, len(prefix))
                if partition:
                    if date.fromisoformat(partition[1]) >= since.astimezone(UTC).date():
                        yield modified, key
                elif _FILE.search(key) and modified >= since:
                    yield modified, key


def _items(body: bytes, key: str, outcomes: tuple[Outcome, ...]) -> Iterator[Mapping[str, Any] | None]:
    """The items of an object; None for a line that is none."""
    lines = unpacked_lines(body, key)
    if ".csv" in key.rpartition("/")[2]:
        yield from _rows(lines, outcomes)
        return
    for line in lines:
        try:
            item = orjson.loads(line)
        except orjson.JSONDecodeError:
            item = None
        yield item if isinstance(item, dict) else None


def _rows(lines: list[bytes], outcomes: tuple[Outcome, ...]) -> Iterator[Mapping[str, Any] | None]:
    """Rows of a table with the columns `id` and `outcome`, or `id` and the outcomes' fields."""
    kinds = {outcome.field: outcome for outcome in outcomes}
    only = outcomes[0] if len(outcomes) == 1 else None
    try:
        rows = list(csv.DictReader(line.decode("utf-8-sig") for line in lines))
    except (UnicodeDecodeError, csv.Error):
        yield None
        return
    for row in rows:
        read: dict[str, Any] = {}
        for name, text in row.items():
            outcome = kinds.get(name) or (only if name == "outcome" else None)
            if outcome is not None and text:
                read[outcome.field] = _value(text.strip(), outcome)
        yield {"id": row.get("id"), "outcome": read}


def _value(text: str, outcome: Outcome) -> Any:
    """A cell as the outcome's type; as it is, to be refused, where it cannot be read."""
    if outcome.kind == "yes_no":
        lower = text.lower()
        return True if lower in _TRUE else False if lower in _FALSE else text
    if outcome.kind == "class" and outcome.low is None:
        return text
    try:
        return int(text) if outcome.kind == "class" else float(text)
    except ValueError:
        return text
