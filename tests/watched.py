"""A model that says what is watched of it, a stack's buckets in moto, and its captured records."""

import gzip
import json
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import boto3
import numpy as np

from maas.capture.record import Exchange, lines
from maas.contract import Columns
from maas.manifest import Distribution, Manifest
from maas.masking import Mask
from maas.metrics import bin_fractions, quantile_edges
from maas.runtime import Session
from maas.store import ObjectStore
from models.quiet import monitoring
from tests import tiny_model
from tests.tiny_model import INSTANCES

DATA_BUCKET = "data-for-tests"
SECRET = "capture-key"
ROWS = 5_000


def buckets(*, secret: bool = True) -> ObjectStore:
    """The data bucket, versioned as the template has it, and the key of hashes."""
    client = boto3.client("s3")
    client.create_bucket(Bucket=DATA_BUCKET)
    client.put_bucket_versioning(Bucket=DATA_BUCKET, VersioningConfiguration={"Status": "Enabled"})
    if secret:
        boto3.client("secretsmanager").create_secret(Name=SECRET, SecretString="a key of hashes")
    return ObjectStore(DATA_BUCKET, client)


def readings(rows: int, *, seed: int = 0, **changes: Any) -> Columns:
    """Columns of the tiny model's records, all drawn alike; `changes` replaces columns."""
    generator = np.random.default_rng(seed)
    columns: dict[str, Any] = {
        "timestamp": np.datetime64("2026-01-01T00", "s") + generator.integers(0, 8760, rows) * 3600,
        "temperature": np.clip(generator.normal(10, 8, rows), -60, 60),
        "lanes": generator.integers(1, 5, rows),
        "speeds": np.clip(generator.normal(60, 10, (rows, 2)), 0, 200),
        "weather": generator.choice(np.array(["Clear", "Rain", "雪"], object), rows, p=[0.7, 0.25, 0.05]),
        "rain": np.where(generator.random(rows) < 0.1, np.nan, generator.gamma(0.5, 2.0, rows)),
        "open": generator.random(rows) < 0.9,
        "note": np.array([""] * rows, object),
    }
    return {**columns, **changes}


def instances(columns: Columns) -> list[dict[str, Any]]:
    """The same as a caller sends them."""
    names = list(columns)
    lists = [
        np.datetime_as_string(column).tolist() if column.dtype.kind == "M" else column.tolist()
        for column in columns.values()
    ]
    rows = [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)]
    return [
        {name: None if isinstance(value, float) and np.isnan(value) else value for name, value in row.items()}
        for row in rows
    ]


def watched_version(*, times: bool = False, **changes: Any) -> tuple[Manifest, bytes]:
    """The tiny model as if trained on `readings`, hourly for some months where it has times."""
    manifest, artifact = _watched_version(times)
    fields = {name: getattr(manifest, name) for name in Manifest.model_fields}
    return (Manifest(**(fields | changes)) if changes else manifest), artifact


@cache
def _watched_version(times: bool) -> tuple[Manifest, bytes]:  # noqa: FBT001 -- a key of the cache
    contract = tiny_model.endpoint().contract
    columns = readings(ROWS)
    hours = np.datetime64("2026-01-01T00", "s") + np.arange(ROWS) * np.timedelta64(3600, "s")
    if times:
        columns = {**columns, "timestamp": hours}
    matrix = contract.matrix(columns)
    artifact = tiny_model.graph()
    answers = contract.respond(Session(artifact).run(matrix))
    values = dict(zip(contract.feature_names, matrix.T.astype(np.float64), strict=True)) | {
        "volume": answers["volume"]
    }
    distributions = {}
    for name, column in values.items():
        edges = quantile_edges(column)
        distributions[name] = Distribution(
            edges=tuple(edges.tolist()), fractions=tuple(bin_fractions(column, edges).tolist())
        )
    return tiny_model.version(
        distributions=distributions,
        monitoring=monitoring(
            contract,
            columns,
            matrix,
            answers,
            times=hours if times else None,
            distributions=distributions,
            worst={},
        ),
    )


def objects(store: ObjectStore, prefix: str) -> list[str]:
    """The keys under a prefix."""
    return list(store.list(prefix))


def records(store: ObjectStore, prefix: str = "captures/") -> list[dict[str, Any]]:
    """All captured records, in the order of their keys."""
    return [
        json.loads(line)
        for key in store.list(prefix)
        for line in gzip.decompress(store.read(key).body).splitlines()
    ]


def capture(
    store: ObjectStore,
    manifest: Manifest,
    columns: Columns,
    *,
    end: datetime,
    hours: float,
    prefix: str = "r",
) -> list[dict[str, Any]]:
    """Put records into the bucket as if requests with these columns had come in evenly until `end`."""
    contract = tiny_model.endpoint().contract
    answers = contract.respond(Session(tiny_model.graph()).run(contract.matrix(columns)))
    mask = Mask(contract, contract.parse(INSTANCES))
    rows = np.arange(len(columns["temperature"]))
    requests = max(len(rows) // 25, int(hours) + 1)
    found: list[bytes] = []
    for number, chosen in enumerate(np.array_split(rows, requests)):
        if not len(chosen):
            continue
        moment = end - timedelta(hours=hours) * (1 - (number + 0.5) / requests)
        exchange = Exchange(
            request_id=f"{prefix}{number}",
            version=manifest.version,
            track="stable",
            time=moment,
            milliseconds=1.5,
            columns={name: column[chosen] for name, column in columns.items()},
            answers={name: column[chosen] for name, column in answers.items()},
        )
        made = list(lines(exchange, tiny_model.NAME, contract, mask, None))
        body = gzip.compress(b"\n".join(made) + b"\n", mtime=0)
        store.put(
            f"captures/{tiny_model.NAME}/{moment:date=%Y-%m-%d/hour=%H}/{prefix}{number}.jsonl.gz", body
        )
        found += made
    return [json.loads(line) for line in found]
