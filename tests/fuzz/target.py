"""What is to be fuzzed: a model as its own metadata describes it, and requests that it answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from maas.endpoint import Endpoint
from tests.contract.records import as_tensors, example


@dataclass(frozen=True)
class Tensor:
    """An input: its name, its datatype, and the shape of one row."""

    name: str
    datatype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Target:
    """A model of any server that speaks V2, and V1 where it has records.

    Attributes:
        model: Its name in paths.
        inputs: Its tensors.
        infer: A V2 request that it answers, as JSON.
        outputs: Names of its outputs.
        record: A V1 record that it answers; None for servers of V2 alone.
        raw: Bodies that are a record by themselves, by media type.
        outcome: What may be reported as true.
    """

    model: str
    inputs: tuple[Tensor, ...]
    infer: dict[str, Any]
    outputs: tuple[str, ...]
    record: dict[str, Any] | None = None
    raw: Mapping[str, bytes] = field(default_factory=dict)
    outcome: Any = None

    @property
    def v1(self) -> str:
        return f"/v1/models/{self.model}"

    @property
    def v2(self) -> str:
        return f"/v2/models/{self.model}"

    def fresh_record(self) -> dict[str, Any]:
        """A record that may be changed."""
        copy: dict[str, Any] = json.loads(json.dumps(self.record))
        return copy

    def fresh_infer(self) -> dict[str, Any]:
        """A V2 request that may be changed."""
        copy: dict[str, Any] = json.loads(json.dumps(self.infer))
        return copy


def target_of(endpoint: Endpoint[Any, Any], record: dict[str, Any] | None = None) -> Target:
    """One of our models, from its contract alone."""
    import base64

    contract = endpoint.contract
    record = record or example(contract)
    texts = {
        media: next(one for one in contract.fields[name].info.examples or [] if one)
        for media, name in contract.raw.items()
    }
    return Target(
        endpoint.name,
        tuple(Tensor(f.name, f.datatype, f.shape) for f in contract.fields.values()),
        {"inputs": as_tensors(contract, [record])},
        tuple(contract.answers),
        record,
        {media: base64.b64decode(text) for media, text in texts.items()},
    )
