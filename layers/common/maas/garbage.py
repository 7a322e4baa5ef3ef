"""What nobody needs any more in a registry: found first, removed afterwards, never anything that is needed.

Needed is every version that a pointer or any entry of a history names, whatever it is there for, and every
blob that a manifest which stays mentions. Blobs without a manifest come from publishing that broke off.

Removal is safe beside publishers and promoters, however slow it is, by three rules:

- Only states of objects are removed that were seen old and unused. Who publishes and finds a blob or manifest
  that has long lain there writes it anew (`ObjectStore.keep`): that state is another one, and stays.
- A manifest is condemned first, and removed a day later at the earliest. Nothing condemned is released
  (`Registry`), and by then every release that had begun before is in the history.
- Who spares a condemned version writes its objects anew before the mark is lifted.

That asks of publishing and of a move that each takes less than a day from its first request to its last.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from maas.artifact import digest_of
from maas.condemned import mark_key
from maas.errors import DigestMismatch, KeyMissing
from maas.generation import Generation, check_versioned, generations, remove
from maas.manifest import MODEL_NAME_PATTERN, Manifest, manifest_key, model_folder
from maas.pointer_store import PointerStore
from maas.s3_errors import Denied
from maas.store import FRESH, ObjectStore

BLOBS = "blobs/sha256/"
LEAST_GRACE = 2 * FRESH
_DIGEST = re.compile(r"[0-9a-f]{64}")

Kind = Literal["manifest", "signature", "report", "mark", "blob"]
# What lies beside a manifest under its digest, by kind: the folders.
_BESIDE: dict[Kind, str] = {"signature": "signatures", "report": "reports"}
_MARKS: dict[Kind, str] = {"mark": "condemned"}


@dataclass(frozen=True, slots=True)
class Find:
    """An object that is not needed: its states, the current one last, and why it is not needed."""

    kind: Kind
    key: str
    states: tuple[Generation, ...]
    reason: str
    model: str | None = None

    @property
    def digest(self) -> str:
        """The digest in its name."""
        return _name_of(self.key)

    @property
    def size(self) -> int:
        """Bytes of all states."""
        return sum(state.size for state in self.states)

    @property
    def modified(self) -> datetime:
        """When its current state was written."""
        return self.states[-1].modified


@dataclass(frozen=True, slots=True)
class Survey:
    """What is to do, in the order in which it is safe.

    Attributes:
        lifted: Marks of manifests that are needed after all, or were published again.
        condemned: Manifests that get a mark.
        waiting: Manifests whose mark is not a day old.
        removed: Objects to remove; manifests stand before the blobs that they mention.
    """

    lifted: list[Find] = field(default_factory=list)
    condemned: list[Find] = field(default_factory=list)
    waiting: list[Find] = field(default_factory=list)
    removed: list[Find] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Folder:
    """All that lies under a model's name: the states of each key."""

    model: str
    states: dict[str, tuple[Generation, ...]]

    def under(self, place: str) -> dict[str, tuple[Generation, ...]]:
        """What lies in one of its folders, by digest."""
        prefix = f"{model_folder(self.model)}{place}/"
        return {_name_of(key): states for key, states in self.states.items() if key.startswith(prefix)}

    def find(self, kind: Kind, states: tuple[Generation, ...], reason: str) -> Find:
        """One of its objects, as a find."""
        return Find(kind, states[-1].key, states, reason, self.model)


def _now() -> datetime:
    return datetime.now(UTC)


class Garbage:
    """The unneeded objects of one registry.

    Args:
        store: Its bucket, versioned.
        grace: Nothing younger is touched; at least two days.
        clock: The time now.
    """

    def __init__(self, store: ObjectStore, *, grace: timedelta, clock: Callable[[], datetime] = _now) -> None:
        if grace < LEAST_GRACE:
            raise ValueError(f"a grace under {LEAST_GRACE.days} days would race with publishers")
        self._store = store
        self._grace = grace
        self._clock = clock

    def survey(self, model: str | None = None, *, keep: int | None = None) -> Survey:
        """Look, and change nothing.

        Args:
            model: Of this model only, and of blobs only those that its removed versions mention.
            keep: How many of the newest versions of a model stay, besides those that are needed; None: all.

        Raises:
            IntegrityError: a manifest, a pointer or a history is damaged, so nobody knows what is needed.
        """
        now = self._clock()
        check_versioned(self._store)
        # Blobs before manifests: one that is published in between is seen, and so is what it needs.
        blobs = generations(self._store, BLOBS)
        found, staying, leaving = Survey(), set[str](), set[str]()
        for name in self._store.folders("models/"):
            if re.fullmatch(MODEL_NAME_PATTERN, name) is None:
                continue
            folder = _Folder(name, generations(self._store, model_folder(name)))
            bodies = dict(self._bodies(folder))
            gone = set[str]()
            if model in {None, name}:
                gone = self._judge(folder, bodies, keep=keep, now=now, found=found)
                self._orphans(folder, now, found)
            for digest, body in bodies.items():
                (leaving if digest in gone else staying).update(_DIGEST.findall(body))
        for key, states in blobs.items():
            digest = _name_of(key)
            scope = model is None or digest in leaving
            if scope and digest not in staying and self._is_old(states, now):
                reason = "only removed versions mention it" if digest in leaving else "no version mentions it"
                found.removed.append(Find("blob", key, states, reason))
        return found

    def sweep(self, survey: Survey) -> Iterator[tuple[Find, str]]:
        """Do it; yields what S3 refuses to remove (locked objects), and why."""
        for find in survey.condemned:
            mark = mark_key(str(find.model), find.digest)
            self._store.put(mark, b"{}", content_type="application/json")
        for find in (*survey.lifted, *survey.removed):
            try:
                for state in find.states:  # the current one last: none before it may become current
                    remove(self._store, state)
            except Denied as error:
                yield find, error.detail

    def spare(self, manifest: Manifest) -> bool:
        """Lift the mark of a condemned version; False where it has none.

        Raises:
            KeyMissing: too late, a part of the version is removed.
        """
        check_versioned(self._store)
        mark = mark_key(manifest.model, manifest.digest)
        marks = generations(self._store, mark).get(mark, ())
        if marks:
            there = generations(self._store, BLOBS)
            mentioned = {f"{BLOBS}{digest}" for digest in _DIGEST.findall(manifest.to_json().decode())}
            for key in {blob.key for blob in manifest.blobs} | (mentioned & there.keys()):
                self._store.put(key, self._store.read(key).body)
            self._store.put(manifest.key, manifest.to_json(), content_type="application/json")
        for state in marks:
            remove(self._store, state)
        return bool(marks)

    def _judge(
        self, folder: _Folder, bodies: dict[str, str], *, keep: int | None, now: datetime, found: Survey
    ) -> set[str]:
        """Sort a model's manifests into `found`; the digests of those that go."""
        manifests, marks = folder.under("manifests"), folder.under("condemned")
        # After the marks: a release that a mark of yesterday came too late for is in the history by now.
        needed = self._released(folder.model)
        created = {digest: Manifest.from_json(body.encode()).created for digest, body in bodies.items()}
        gone = set()
        for number, digest in enumerate(sorted(created, key=lambda name: created[name], reverse=True)):
            states, mark = manifests[digest], marks.get(digest)
            if mark and (digest in needed or states[-1].modified > mark[-1].modified):
                found.lifted.append(folder.find("mark", mark, "the version is needed"))
            elif digest in needed or keep is None or number < keep or not self._is_old(states, now):
                continue
            elif mark is None:
                reason = f"never released, and not among the newest {keep}"
                found.condemned.append(folder.find("manifest", states, reason))
            elif now - mark[-1].modified < FRESH:
                found.waiting.append(folder.find("manifest", states, "condemned less than a day ago"))
            else:
                since = f"condemned since {mark[-1].modified:%Y-%m-%d}"
                gone.add(digest)
                found.removed.append(folder.find("manifest", states, since))
                for kind, place in _BESIDE.items():
                    if digest in (there := folder.under(place)):
                        found.removed.append(folder.find(kind, there[digest], since))
                # The mark stays for the grace: a release that has read the manifest must still meet it.
        return gone

    def _orphans(self, folder: _Folder, now: datetime, found: Survey) -> None:
        """Marks of versions that were removed long ago, and what lay beside one where that broke off."""
        known = folder.under("manifests")
        for kind, place in (_BESIDE | _MARKS).items():
            for digest, states in folder.under(place).items():
                if digest not in known and self._is_old(states, now):
                    found.removed.append(folder.find(kind, states, "its version is gone"))

    def _released(self, model: str) -> set[str]:
        """Every digest that the pointer or an entry of the history names."""
        moves = PointerStore(self._store, self._clock).history(model)
        return {digest for move in moves for digest in _DIGEST.findall(move.to_json().decode())}

    def _bodies(self, folder: _Folder) -> Iterator[tuple[str, str]]:
        for digest in folder.under("manifests"):
            key = manifest_key(folder.model, digest)
            try:
                body = self._store.read(key).body
            except KeyMissing:  # somebody else prunes
                continue
            if digest_of(body) != digest:
                raise DigestMismatch(
                    f"{key} is damaged, so nobody knows what it needs: remove it, then repeat"
                )
            yield digest, body.decode()

    def _is_old(self, states: tuple[Generation, ...], now: datetime) -> bool:
        return now - states[-1].modified > self._grace


def _name_of(key: str) -> str:
    return key.rpartition("/")[2].partition(".")[0]
