"""The production pointer of a model: the one small object that changes when a version goes live."""

import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError, model_validator

from maas.artifact import digest_of
from maas.errors import (
    AlreadyExists,
    Conflict,
    IntegrityError,
    InvalidRequest,
    KeyMissing,
    MaasError,
    PointerMoved,
    RegistryUnavailable,
)
from maas.manifest import VERSION_LENGTH, Digest, ModelName, UtcDatetime, canonical_json, model_folder
from maas.store import ObjectStore, StoredObject

Action = Literal["promote", "rollback"]

_JSON = "application/json"
_DOCUMENT = TypeAdapter(dict[str, JsonValue])


class Pointer(BaseModel):
    """Which version is in production, and the move that put it there.

    `seq` counts the moves from 1. `stable` and `previous` are manifest digests; `previous` is what a
    rollback returns to, and `previous_seq` the move that put it into production, so that every pointer is
    the top of a stack that rollbacks unwind. `nonce` is unique to the move: who finds it again knows that
    the move is theirs. A field added later needs a default, as in a manifest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: ModelName
    seq: int = Field(ge=1)
    action: Action
    stable: Digest
    previous: Digest | None = None
    previous_seq: int | None = Field(default=None, ge=1)
    time: UtcDatetime
    actor: str = Field(min_length=1, max_length=200)
    reason: str = Field(max_length=1000)
    nonce: str = Field(pattern=r"^[0-9a-f]{32}$")

    @model_validator(mode="after")
    def _has_whole_previous(self) -> Self:
        if (self.previous is None) != (self.previous_seq is None):
            raise ValueError("previous and previous_seq go together")
        if self.previous_seq is not None and self.previous_seq >= self.seq:
            raise ValueError("previous_seq must be before seq")
        canonical_json(self._fields())  # a ValueError where actor or reason is no Unicode text
        return self

    @property
    def version(self) -> str:
        """The short name of the version in production."""
        return self.stable[:VERSION_LENGTH]

    @property
    def sum(self) -> str:
        """SHA-256 of everything else in the pointer: a torn or hand-edited pointer does not fit it."""
        return digest_of(canonical_json(self._fields()))

    def to_json(self) -> bytes:
        """The canonical JSON that is stored, `sum` included."""
        return canonical_json(self._fields() | {"sum": self.sum})

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Parse a stored pointer.

        Raises:
            IntegrityError: not a pointer, or its `sum` does not fit.
        """
        try:
            fields = _DOCUMENT.validate_json(data)
            fields.pop("sum", None)
            pointer = cls.model_validate(fields)
        except ValidationError as error:
            raise IntegrityError("it is no pointer") from error
        if pointer.to_json() != data:
            raise IntegrityError("its checksum does not fit")
        return pointer

    def _fields(self) -> dict[str, object]:
        return self.model_dump(mode="json", exclude_defaults=True)


# A move is recorded in the history exactly as the pointer that it made.
Move = Pointer


class Seen(NamedTuple):
    """The pointer as somebody read it, and its entity tag; both None before the first move."""

    pointer: Pointer | None
    etag: str | None


class PointerStore:
    """Reads and moves the pointers, and keeps the history of their moves.

    A move first completes the history up to the pointer it replaces, then swaps the pointer, then records
    itself. So a crash can leave out the entry of the current pointer only, which the pointer itself holds.
    """

    def __init__(self, store: ObjectStore, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def read(self, model: str) -> Seen:
        """The pointer of `model`; IntegrityError where it is torn or was edited by hand."""
        key = _pointer_key(model)
        try:
            found = self._store.read(key)
        except KeyMissing:
            return Seen(None, None)
        return Seen(self._parsed(model, key, found), found.etag)

    def move(
        self,
        model: str,
        seen: Seen,
        *,
        action: Action,
        stable: str,
        previous: str | None,
        previous_seq: int | None,
        actor: str,
        reason: str,
    ) -> Pointer:
        """Replace the pointer that was `seen`.

        Raises:
            InvalidRequest: actor or reason cannot be recorded.
            PointerMoved: the pointer is no longer the one that was seen.
            RegistryUnavailable: S3 went silent; the move may have happened or not.
        """
        if seen.pointer is not None:
            self._record(seen.pointer)
        try:
            pointer = Pointer(
                model=model,
                # The history outlives a pointer that was removed or restored by hand: never count twice.
                seq=max((_seq_of(key) for key in self._history_keys(model)), default=0) + 1,
                action=action,
                stable=stable,
                previous=previous,
                previous_seq=previous_seq,
                time=self._clock(),
                actor=actor,
                reason=reason,
                nonce=secrets.token_hex(16),
            )
        except ValidationError as error:
            raise InvalidRequest(
                "A move needs an actor (1 to 200 characters) and a reason (to 1000)"
            ) from error
        self._swap(seen, pointer)
        # The move stands. What kept it out of the history now, the next move puts right, or reports.
        with suppress(MaasError):
            self._record(pointer)
        return pointer

    def entry(self, model: str, seq: int) -> Move:
        """The recorded move `seq`; IntegrityError where it is missing or damaged."""
        key = _history_key(model, seq)
        try:
            move = self._parsed(model, key, self._store.read(key))
        except KeyMissing as error:
            raise IntegrityError(f"{key} is missing: promote a version by name") from error
        if move.seq != seq:
            raise IntegrityError(f"{key} holds move {move.seq}: promote a version by name")
        return move

    def history(self, model: str) -> list[Move]:
        """Every move, newest first."""
        # The pointer first: the entries of all moves before it exist by then, so the list has no gap.
        current = self.read(model).pointer
        moves = {seq: self.entry(model, seq) for seq in map(_seq_of, self._history_keys(model))}
        if current is not None:
            moves.setdefault(current.seq, current)
        return [moves[seq] for seq in sorted(moves, reverse=True)]

    def _swap(self, seen: Seen, pointer: Pointer) -> None:
        try:
            self._store.put(
                _pointer_key(pointer.model),
                pointer.to_json(),
                if_none_match=seen.etag is None,
                if_match=seen.etag,
                content_type=_JSON,
            )
        except Conflict as error:
            if not self._is_done(pointer):
                raise PointerMoved(
                    f"The production pointer of {pointer.model} moved meanwhile: look at it, then repeat"
                ) from error
        except RegistryUnavailable as error:
            with suppress(MaasError):
                if self._is_done(pointer):
                    return
            raise RegistryUnavailable(
                f"S3 went silent while the production pointer of {pointer.model} moved: "
                "look where it stands before you repeat"
            ) from error

    def _is_done(self, pointer: Pointer) -> bool:
        """Whether a move whose acknowledgement was lost took place, even if others followed since."""
        current = self.read(pointer.model).pointer
        if current is None or current.seq < pointer.seq:
            return False
        if current.seq > pointer.seq:
            current = self.entry(pointer.model, pointer.seq)
        return current.nonce == pointer.nonce

    def _record(self, move: Move) -> None:
        key = _history_key(move.model, move.seq)
        try:
            self._store.put(key, move.to_json(), if_none_match=True, content_type=_JSON)
        except AlreadyExists as error:
            raise IntegrityError(f"{key} records another move: remove production.json and promote") from error

    def _history_keys(self, model: str) -> list[str]:
        return [key for key in self._store.list(f"{model_folder(model)}history/") if _seq_of(key)]

    def _parsed(self, model: str, key: str, found: StoredObject) -> Pointer:
        try:
            pointer = Pointer.from_json(found.body)
        except IntegrityError as error:
            raise IntegrityError(
                f"{key} is damaged, {error.detail}: remove it, then promote a version"
            ) from error
        if pointer.model != model:
            raise IntegrityError(f"{key} belongs to {pointer.model}: remove it, then promote a version")
        return pointer


def _pointer_key(model: str) -> str:
    return f"{model_folder(model)}production.json"


def _history_key(model: str, seq: int) -> str:
    return f"{model_folder(model)}history/{seq:08d}.json"


def _seq_of(key: str) -> int:
    """The move that a history key names; 0 where it names none."""
    name = key.rpartition("/")[2].removesuffix(".json")
    return int(name) if name.isascii() and name.isdecimal() else 0
