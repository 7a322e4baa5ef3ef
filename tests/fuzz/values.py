"""Values that break things: as JSON text, so that what no JSON library writes can be sent as well."""

import json
from random import Random
from typing import Any


class Raw(str):
    """Text that goes into the document as it stands."""

    __slots__ = ()


NUMBERS = [
    "0",
    "-0",
    "-1",
    "1",
    "0.0",
    "-0.0",
    "1.5",
    "1e0",
    "1E400",
    "-1e400",
    "1e-400",
    "5e-324",
    "1.7976931348623157e308",
    "9007199254740993",
    "2147483648",
    "-2147483649",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "1" + "0" * 400,
    "-" + "9" * 5000,
    "0." + "3" * 5000,
    "1e9999999999",
    "01",
    "+1",
    ".5",
    "5.",
    "0x10",
    "1_000",
    "NaN",
    "Infinity",
    "-Infinity",
    "nan",
    "inf",
    "\uff11",
]
TEXTS = [
    '""',
    '" "',
    '"a"',
    '"NaN"',
    '"1.5"',
    '"true"',
    '"null"',
    '"\\u0000"',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\\uFFFF"',
    '"雪"',
    '"\U0001f600"',
    '"e\\u0301"',
    '"\\u202Eabc"',
    '"' + "x" * 21 + '"',
    '"' + "x" * 10_000 + '"',
    '"\\""',
    '"\\\\"',
    '"\\/"',
    '"\\x"',
    "'a'",
    '"a',
    '"\n"',
    '"\t"',
    '"2026-02-30T08:00:00"',
    '"2026-03-01T08:00:00Z"',
    '"0000-01-01T00:00:00"',
    '"9999-12-31T23:59:59.999999"',
    '"10000-01-01T00:00:00"',
    '"2026-03-01 08:00"',
    '"2026-03-01T24:00:00"',
    '"1e400"',
    '"data:image/png;base64,"',
    '"iVBORw0KGgo="',
    '"%00"',
    '"../../etc/passwd"',
    '"<script>"',
    '"{{7*7}}"',
    '"\'; drop table models;--"',
    '"${jndi:ldap://x}"',
    '"A\\r\\nSet-Cookie: a=b"',
]
OTHERS = [
    "null",
    "true",
    "false",
    "[]",
    "{}",
    "[null]",
    "[[]]",
    "[[[]]]",
    '{"a": 1}',
    '{"": {}}',
    "undefined",
    "None",
    "True",
    "[1, 2",
    "{",
    "}",
    "]",
    ",",
    ":",
    "//",
    "/* */ 1",
    "[1,]",
    '{"a": 1,}',
    '{"a" 1}',
    "{1: 2}",
    "\ufeff1",
    "[" * 50 + "]" * 50,
    '{"a":' * 50 + "1" + "}" * 50,
    "[" * 3000 + "]" * 3000,
    '{"__proto__": {"polluted": true}}',
    '{"$ref": "#"}',
    "[" + ", ".join(["0"] * 2000) + "]",
    '[1, "a", null, true]',
    "[true]",
    "[1e999]",
    "[NaN]",
    '["a", "b"]',
]
VALUES = NUMBERS + TEXTS + OTHERS
NAMES = [
    "",
    "a",
    "name",
    "data",
    "inputs",
    "instances",
    "__class__",
    "constructor",
    "a/b",
    "~",
    "\x00",
    "x" * 300,
    "雪",
    "0",
    "-1",
]


def any_value(random: Random) -> Raw:
    """One of them."""
    return Raw(random.choice(VALUES))


def dumps(value: Any) -> str:
    """JSON, with `Raw` texts as they stand."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        members = (
            f"{name if isinstance(name, Raw) else json.dumps(name)}: {dumps(one)}"
            for name, one in value.items()
        )
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        if len(value) > 32 and not any(isinstance(one, (Raw, list, dict)) for one in value):
            return json.dumps(value)
        return "[" + ", ".join(map(dumps, value)) + "]"
    return json.dumps(value)


def encoded(value: Any) -> bytes:
    """JSON as bytes; what is no Unicode becomes bytes that are no UTF-8."""
    return dumps(value).encode("utf-8", "surrogatepass")


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every member of every object and list, as (container, key); of long lists only a few."""
    found: list[tuple[Any, Any]] = []
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, dict):
            keys: list[Any] = list(one)
        elif isinstance(one, list):
            keys = list(range(len(one))) if len(one) < 16 else [0, 1, len(one) // 2, len(one) - 1]
        else:
            continue
        found += [(one, key) for key in keys]
        pending += [one[key] for key in keys]
    return found
