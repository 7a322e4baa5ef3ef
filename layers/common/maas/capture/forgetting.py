"""Takes everything about one subject out of captured records, reported outcomes and remembered answers.

Safe to interrupt and to repeat. Outcomes are found by the ids of the captured predictions, so they go first:
as long as anything is left of the captures, a second run finds the same ids again. Earlier versions of
objects go last, all of them: nobody reads them. Forgetting alone replaces captures and outcomes; what is
replaced of remembered answers is a claim, or an answer that has expired.
"""

import csv
import gzip
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from maas.errors import Conflict, KeyMissing
from maas.idempotency.key import FOLDER as ANSWERS
from maas.monitor.captures import unpacked_lines
from maas.s3_errors import translated
from maas.store import ObjectStore

CAPTURES, OUTCOMES = "captures/", "outcomes/"
_ATTEMPTS = 5


@dataclass
class Forgotten:
    """What was taken out.

    Attributes:
        records: Captured predictions.
        outcomes: Reported outcomes.
        answers: Answers that were remembered for repeated requests.
        objects: Objects that were written anew, or removed because nothing was left of them.
        versions: Earlier versions of objects that were removed.
        models: The models concerned.
    """

    records: int = 0
    outcomes: int = 0
    answers: int = 0
    objects: int = 0
    versions: int = 0
    models: set[str] = field(default_factory=set)


class Forgetting:
    """Forgets subjects in one bucket.

    Args:
        store: The bucket with captures, outcomes and remembered answers.
        model: The only model to look at; all of them by default.
        progress: Told each object that is written anew.
    """

    def __init__(
        self,
        store: ObjectStore,
        *,
        model: str | None = None,
        progress: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._store = store
        folders = (OUTCOMES, CAPTURES, ANSWERS)
        self._prefixes = [f"{prefix}{model}/" if model else prefix for prefix in folders]
        self._progress = progress

    def forget(self, subject: str, *, really: bool = True) -> Forgotten:
        """Take out what is kept under `subject`, a hash as `maas.capture.record.subject_hash` makes it.

        With `really` False it is only counted.

        Raises:
            MaasError: S3 does not answer or refuses; what was done stays done, a repetition does the rest.
        """
        found = Forgotten()
        outcomes, captures, answers = self._prefixes
        ids = {
            line["id"]
            for key in self._store.list(captures)
            for line in self._lines(key)
            if line.get("subject") == subject
        }
        for prefix in (outcomes, captures):
            for key in list(self._store.list(prefix)):
                removed = self._clean(key, subject, ids, really=really)
                if removed:
                    found.models.add(key.split("/")[1])
                    found.objects += 1
                    if prefix == captures:
                        found.records += removed
                    else:
                        found.outcomes += removed
        for key in list(self._store.list(answers)):
            if self._answers(key, subject):
                if really:
                    self._remove(key)
                found.models.add(key.split("/")[1])
                found.objects += 1
                found.answers += 1
        if really:
            found.versions = sum(map(self._purge, self._prefixes))
        return found

    def _answers(self, key: str, subject: str) -> bool:
        """Whether an object is a remembered answer about the subject, or the claim of a request that died."""
        try:
            record = _parsed(self._store.read(key).body) or {}
        except KeyMissing:
            return False
        # Somebody may be at work on the answer, who could not put it in the place of nothing.
        claimed = record.get("status") == "INPROGRESS" and record.get("claimed_until", 0) > time.time() * 1000
        return record.get("subject") == subject and not claimed

    def _clean(self, key: str, subject: str, ids: set[str], *, really: bool) -> int:
        """Write one object without the subject's lines; how many these were."""
        for _ in range(_ATTEMPTS):
            try:
                stored = self._store.read(key)
            except KeyMissing:
                return 0
            lines = unpacked_lines(stored.body, key)
            kept = list(_without(lines, subject, ids, is_table=".csv" in key.rpartition("/")[2]))
            if len(kept) == len(lines) or not really:
                return len(lines) - len(kept)
            try:
                self._replace(key, kept, stored.body, stored.etag)
            except Conflict:  # somebody else wrote it meanwhile: read it again
                continue
            self._progress(key)
            return len(lines) - len(kept)
        raise Conflict(f"{key} keeps changing: try again when nobody writes it")

    def _replace(self, key: str, kept: list[bytes], before: bytes, etag: str) -> None:
        if not kept:
            self._remove(key)
            return
        body = b"\n".join(kept) + b"\n"
        packed = before[:2] == b"\x1f\x8b"
        self._store.put(key, gzip.compress(body, mtime=0) if packed else body, if_match=etag)

    def _remove(self, key: str) -> None:
        with translated("s3:DeleteObject", self._store.bucket, key):
            self._store.client.delete_object(Bucket=self._store.bucket, Key=key)

    def _purge(self, prefix: str) -> int:
        """Remove all but the current versions, and what marks removed objects."""
        store = self._store
        past: list[tuple[str, str]] = []
        markers: list[tuple[str, str]] = []
        with translated("s3:ListBucketVersions", store.bucket, prefix):
            pages = store.client.get_paginator("list_object_versions").paginate(
                Bucket=store.bucket, Prefix=prefix
            )
            for page in pages:
                versions = page.get("Versions", ())
                past += [(one["Key"], one["VersionId"]) for one in versions if not one["IsLatest"]]
                markers += [(one["Key"], one["VersionId"]) for one in page.get("DeleteMarkers", ())]
        # Markers last: without its marker, what was removed would be there again.
        for key, version in (*past, *markers):
            with translated("s3:DeleteObjectVersion", store.bucket, key):
                store.client.delete_object(Bucket=store.bucket, Key=key, VersionId=version)
        return len(past)

    def _lines(self, key: str) -> Iterator[dict[str, Any]]:
        try:
            body = self._store.read(key).body
        except KeyMissing:
            return
        for line in unpacked_lines(body, key):
            parsed = _parsed(line)
            if parsed is not None and "id" in parsed:
                yield parsed


def _without(lines: list[bytes], subject: str, ids: set[str], *, is_table: bool) -> Iterator[bytes]:
    """The lines that are about others."""
    if not is_table:
        for line in lines:
            parsed = _parsed(line)
            if parsed is None or (parsed.get("subject") != subject and parsed.get("id") not in ids):
                yield line
        return
    header = next(csv.reader([lines[0].decode("utf-8-sig", "replace")]), []) if lines else []
    place = header.index("id") if "id" in header else None
    for line in lines:
        cells = next(csv.reader([line.decode("utf-8", "replace")]), [])
        if place is None or len(cells) <= place or cells[place] not in ids:
            yield line


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None
