"""The production pointer of a model: the one small object that changes when a version goes live."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import from_json

from maas.artifact import digest_of
from maas.errors import IntegrityError
from maas.manifest import VERSION_LENGTH, Digest, ModelName, UtcDatetime, canonical_json

Action = Literal["promote", "rollback", "canary", "shadow", "withdraw"]


class Canary(BaseModel):
    """A version on trial: it answers `weight` percent of the requests, stable the others."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    manifest: Digest
    weight: int = Field(ge=1, le=99)

    @property
    def version(self) -> str:
        """The short name of the version."""
        return self.manifest[:VERSION_LENGTH]


class Pointer(BaseModel):
    """Which version is in production, which ones are on trial beside it, and the move that made it so.

    `seq` counts the moves from 1. `stable` and `previous` are manifest digests; `previous` is what a
    rollback returns to, and `previous_seq` a move at which it was in production, so that every pointer is
    the top of a stack that rollbacks unwind. A `canary` answers a share of the requests; a `shadow` computes
    the same answers unseen. Neither is part of that stack. `nonce` is unique to the move: who finds it again
    knows that the move is theirs. A field added later needs a default, as in a manifest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: ModelName
    seq: int = Field(ge=1)
    action: Action
    stable: Digest
    canary: Canary | None = None
    shadow: Digest | None = None
    previous: Digest | None = None
    previous_seq: int | None = Field(default=None, ge=1)
    time: UtcDatetime
    actor: str = Field(min_length=1, max_length=200)
    reason: str = Field(max_length=1000)
    nonce: str = Field(pattern=r"^[0-9a-f]{32}$")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if (self.previous is None) != (self.previous_seq is None):
            raise ValueError("previous and previous_seq go together")
        if self.previous_seq is not None and self.previous_seq >= self.seq:
            raise ValueError("previous_seq must be before seq")
        if len({self.stable, *self.trials}) != 1 + len(self.trials):
            raise ValueError("stable, canary and shadow must be different versions")
        canonical_json(self._fields())  # a ValueError where actor or reason is no Unicode text
        return self

    @property
    def version(self) -> str:
        """The short name of the version in production."""
        return self.stable[:VERSION_LENGTH]

    @property
    def trials(self) -> tuple[str, ...]:
        """The digests beside stable: the canary's and the shadow's, where there are any."""
        canary = self.canary.manifest if self.canary else None
        return tuple(digest for digest in (canary, self.shadow) if digest is not None)

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
            fields = from_json(data, allow_inf_nan=False)
            if isinstance(fields, dict):
                fields.pop("sum", None)
            pointer = cls.model_validate(fields)
        except ValueError as error:
            raise IntegrityError("it is no pointer") from error
        if pointer.to_json() != data:
            raise IntegrityError("its checksum does not fit")
        return pointer

    def _fields(self) -> dict[str, object]:
        return self.model_dump(mode="json", exclude_defaults=True)


# A move is recorded in the history exactly as the pointer that it made.
Move = Pointer
