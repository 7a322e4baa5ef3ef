"""What makes up a new model, before anything is written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Parts:
    """The contents of a new model's files.

    Attributes:
        name: The model's.
        summary: One line for people.
        handler: Source of functions/<name>/handler.py.
        train: Source of models/<name>/train.py.
        record: A record that is answered.
        refused: One that is not.
        files: Other files of models/<name>, by name.
        remarks: What people should know about how it was made.
        how_to_train: Options of `maas train` for data of the kind it was made from.
    """

    name: str
    summary: str
    handler: str
    train: str
    record: Mapping[str, Any]
    refused: Mapping[str, Any]
    files: Mapping[str, bytes] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    how_to_train: str = ""


def title_of(name: str) -> str:
    """A model's name as a heading."""
    return name.replace("_", " ").capitalize()
