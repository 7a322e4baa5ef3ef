"""One request, and how requests are spoiled."""

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.fuzz.values import NAMES, Raw, any_value, places

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Request:
    """One request, and the idea behind it."""

    kind: str
    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def spoiled(random: Random, body: bytes) -> bytes:
    """Bytes with a few of them changed, taken away, doubled or put in."""
    made = bytearray(body)
    for _ in range(random.choice([1, 1, 2, 8])):
        place = random.randrange(len(made) + 1)
        match random.randrange(6):
            case 0 if made:
                made[min(place, len(made) - 1)] ^= 1 << random.randrange(8)
            case 1:
                del made[place:]
            case 2:
                del made[place : place + random.choice([1, 4, 50])]
            case 3:
                made[place:place] = random.choice(
                    [b"\0", b"\xff", b'"', b"{", b"]", b"\\u", b"1e999", b"\xed\xa0\x80"]
                )
            case 4:
                made[place:place] = made[: random.choice([1, 16, 200])]
            case _:
                made += random.randbytes(random.choice([1, 8]))
    return bytes(made)


def changed(random: Random, document: Any) -> Any:
    """A document with one or two members changed."""
    for _ in range(random.choice([1, 1, 2])):
        found = places(document)
        if not found:
            break
        container, key = random.choice(found)
        match random.randrange(5):
            case 0:
                del container[key]
            case 1 if isinstance(container, dict):
                container[random.choice(NAMES)] = container.pop(key)
            case 2:
                container[key] = [container[key]]
            case 3 if isinstance(container, dict):
                # A name given twice, which no library would write.
                container[Raw(json.dumps(key) + ": 1, " + json.dumps(key))] = any_value(random)
            case _:
                container[key] = any_value(random)
    return document
