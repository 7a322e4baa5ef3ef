"""Training data that came in under training/<model>/, or are due, start one execution of the pipeline."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from maas.artifact import digest_of
from maas.manifest import MODEL_NAME_PATTERN
from maas.store import ObjectStore

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.client import SFNClient

PREFIX = "training/"
# The mark of a finished set of files, as Hadoop and Spark write it.
FINISHED = "_SUCCESS"
_NAME_LENGTH = 80  # of an execution


class Arrival(NamedTuple):
    """Data to train a model with: their address, and what tells them from others that were there before."""

    model: str
    data: str
    mark: str

    @property
    def execution(self) -> str:
        """A name that the same data always give: a second event about them starts nothing."""
        digest = digest_of(f"{self.data}\n{self.mark}".encode())
        return f"{self.model[: _NAME_LENGTH - 33]}-{digest[:32]}"


def arrival(event: Mapping[str, Any]) -> Arrival | None:
    """What an "Object Created" event of S3 says; None where it is not about complete training data."""
    detail = event["detail"]
    found = detail["object"]
    mark = found.get("etag", "")
    if found["key"].endswith(f"/{FINISHED}"):
        # Always empty and so always of the same entity tag: what tells two of them apart is the version.
        mark = found.get("version-id") or found.get("sequencer", "")
    elif not found.get("size", 1):
        return None
    return _arrival(detail["bucket"]["name"], found["key"], mark)


def newest(store: ObjectStore, model: str) -> Arrival | None:
    """The training data of a model that came in last; None where there are none."""
    pages = store.client.get_paginator("list_objects_v2").paginate(
        Bucket=store.bucket, Prefix=f"{PREFIX}{model}/"
    )
    objects = [entry for page in pages for entry in page.get("Contents", ())]
    for entry in sorted(objects, key=lambda entry: entry["LastModified"], reverse=True):
        found = _arrival(store.bucket, entry["Key"], entry["ETag"])
        if found is not None and (entry["Size"] or entry["Key"].endswith(FINISHED)):
            return found
    return None


def due(store: ObjectStore, models: list[str], time: str) -> Iterator[Arrival]:
    """The newest data of each model, once for each `time` of a schedule."""
    for model in models:
        found = newest(store, model)
        if found is not None:
            yield found._replace(mark=f"{found.mark}\n{time}")


def start(states: "SFNClient", state_machine: str, found: Arrival, reason: str) -> bool:
    """Start the pipeline for `found`; False where it was started before."""
    with suppress(states.exceptions.ExecutionAlreadyExists):
        states.start_execution(
            stateMachineArn=state_machine,
            name=found.execution,
            input=json.dumps({"model": found.model, "data": found.data, "reason": reason}),
        )
        return True
    return False


def _arrival(bucket: str, key: str, mark: str) -> Arrival | None:
    """A file directly under training/<model>/, or the folder of a set that is marked as finished."""
    model, _, rest = key.removeprefix(PREFIX).partition("/")
    folder, slash, name = rest.rpartition("/")
    if not (key.startswith(PREFIX) and re.fullmatch(MODEL_NAME_PATTERN, model) and name):
        return None
    if name == FINISHED and slash:
        return Arrival(model, f"s3://{bucket}/{PREFIX}{model}/{folder}/", mark)
    if slash or name.startswith((".", "_")):
        return None
    return Arrival(model, f"s3://{bucket}/{key}", mark)
