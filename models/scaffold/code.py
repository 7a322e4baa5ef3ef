"""Pieces of Python source, as the formatter would leave them."""

import keyword
import re
import unicodedata
from collections.abc import Collection, Sequence

from pydantic import BaseModel

WIDTH = 110
_LONGEST_NAME = 40
_UNIT = re.compile(r"^(?P<name>.*?)\s*[(\[](?P<unit>[^)\]]{1,20})[)\]]$")


def literal(value: object) -> str:
    """A text, number or truth value as source; texts in double quotes unless that needs escapes."""
    if not isinstance(value, str):
        return repr(value)
    shown = value.replace("\\", "\\\\")
    shown = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in shown)
    if '"' in shown and "'" not in shown:
        return f"'{shown}'"
    return '"' + shown.replace('"', '\\"') + '"'


def sequence(
    before: str, values: Sequence[object], after: str = "", *, brackets: str = "()", name: str | None = None
) -> str:
    """`before`, the values in brackets and `after`: on one line if they fit, else one value a line.

    Lines are indented like `before`; `name` is a variable that comes last.
    """
    items = [*(literal(value) for value in values), *([] if name is None else [name])]
    comma = "," if brackets == "()" and len(items) == 1 else ""
    line = f"{before}{brackets[0]}{', '.join(items)}{comma}{brackets[1]}{after}"
    if len(line) <= WIDTH:
        return line
    indent = " " * (len(before) - len(before.lstrip()))
    inner = "".join(f"{indent}    {item},\n" for item in items)
    return f"{before}{brackets[0]}\n{inner}{indent}{brackets[1]}{after}"


def call(before: str, arguments: str, after: str) -> str:
    """A call's start, its arguments and its end: on one line if it fits, else the arguments on their own."""
    line = f"{before}({arguments}){after}"
    indent = " " * (len(before) - len(before.lstrip()))
    return line if len(line) <= WIDTH else f"{before}(\n{indent}    {arguments}\n{indent}){after}"


def one_line(text: str, longest: int) -> str:
    """A text on one line, cut to a number of characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= longest else f"{flat[: longest - 3]}..."


def name_and_unit(header: str) -> tuple[str, str | None]:
    """A column's name and its unit, from headers such as "temperature (°C)"."""
    found = _UNIT.match(header)
    return (found["name"], found["unit"].strip()) if found and found["name"] else (header, None)


def identifier(text: str, taken: Collection[str] = ()) -> str:
    """A field's name made of any text: snake_case, no keyword, nothing that pydantic uses, none twice."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain)
    name = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")[:_LONGEST_NAME].rstrip("_")
    name = name or "field"
    if not name[0].isalpha():
        name = f"x_{name}"
    if keyword.iskeyword(name) or hasattr(BaseModel, name) or name.startswith("model_"):
        name = f"{name}_value" if not name.startswith("model_") else f"the_{name}"
    number, unique = 2, name
    while unique in taken:
        unique, number = f"{name}_{number}", number + 1
    return unique
