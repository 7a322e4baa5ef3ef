"""Moves a model's production pointer by compare-and-swap, and keeps the history of the moves."""

import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from pydantic import ValidationError

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
from maas.manifest import model_folder
from maas.pointer import Move, Pointer
from maas.release import Step
from maas.store import ObjectStore, StoredObject

_JSON = "application/json"


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

    def move(self, model: str, seen: Seen, to: Step, *, actor: str, reason: str) -> Pointer:
        """Replace the pointer that was `seen` by where the step `to` leads.

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
                time=self._clock(),
                actor=actor,
                reason=reason,
                nonce=secrets.token_hex(16),
                **to._asdict(),
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
        except (Conflict, RegistryUnavailable) as error:
            # Where the acknowledgement was lost, the repeated request loses against itself: look who moved.
            done = self._is_done(pointer)
            if done:
                return
            if done is False and isinstance(error, Conflict):
                raise PointerMoved(
                    f"The production pointer of {pointer.model} moved meanwhile: look at it, then repeat"
                ) from error
            raise RegistryUnavailable(
                f"S3 went silent while the production pointer of {pointer.model} moved: "
                "look where it stands before you repeat"
            ) from error

    def _is_done(self, pointer: Pointer) -> bool | None:
        """Whether a move took place, even if others followed since; None where that cannot be found out."""
        try:
            current = self.read(pointer.model).pointer
            if current is None or current.seq < pointer.seq:
                return False
            if current.seq > pointer.seq:
                current = self.entry(pointer.model, pointer.seq)
        except MaasError:
            return None
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
