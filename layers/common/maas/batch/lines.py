"""A block of JSON Lines in the model's function: to columns, and back to lines with predictions inside."""

from collections.abc import Sequence
from functools import cached_property
from operator import attrgetter
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from maas.batch.cells import column, written
from maas.batch.rejects import MAX_REASON, NO_TEXT, Reject, is_text
from maas.batch.rows import Rows
from maas.contract import Columns, Contract


class Lines:
    """JSON Lines for one contract; unknown members are carried along, as unknown columns of CSV files are."""

    def __init__(self, contract: Contract[Any, Any]) -> None:
        self._contract = contract

    @cached_property
    def _record(self) -> type[BaseModel]:
        # The record as over HTTP but for unknown members, which are kept aside.
        loose = ConfigDict(extra="allow", frozen=True, strict=True, allow_inf_nan=False)
        record: type[BaseModel] = create_model(
            "Line", __base__=type("Loose", (self._contract.record,), {"model_config": loose})
        )
        return record

    def header(self) -> str:
        """JSON Lines have none."""
        return ""

    def read(self, text: str, line: int) -> Rows:
        """The rows of `text`, whose first line is line `line` of the file."""
        split = text.removesuffix("\n").split("\n") if text else []
        texts = list(map(str.strip, split))
        lines: Sequence[int] = range(line, line + len(texts))
        if "" in texts:  # a blank line is no row
            kept = [row for row, found in enumerate(texts) if found]
            texts, lines = [texts[row] for row in kept], [line + row for row in kept]
        count, rejects = len(texts), []
        if not is_text(text):
            rejects = [Reject(lines[row], None, NO_TEXT) for row, one in enumerate(texts) if not is_text(one)]
            kept = [row for row, one in enumerate(texts) if is_text(one)]
            texts, lines = [texts[row] for row in kept], [lines[row] for row in kept]
        validate = self._record.__pydantic_validator__.validate_json
        try:
            records = list(map(validate, texts))
        except ValidationError:
            records, good = [], []
            for row, one in enumerate(texts):
                try:
                    records.append(validate(one))
                    good.append(row)
                except ValidationError as error:
                    rejects.append(_rejected(lines[row], error))
            texts, lines = [texts[row] for row in good], [lines[row] for row in good]
        ignored = frozenset().union(*(record.__pydantic_extra__ or () for record in records))
        columns = {
            name: column(f, list(map(attrgetter(name), records))) for name, f in self._contract.fields.items()
        }
        return Rows(columns, lines, texts, sorted(rejects), count, ignored)

    def write(self, texts: Sequence[str], predictions: Columns, ignored: frozenset[str]) -> str:
        """The lines with their predictions as further members."""
        members = []
        for name, answer in predictions.items():
            # A member of this name may be there already, on some lines at least: nothing is overwritten.
            shown = f"predicted_{name}" if name in self._contract.fields or name in ignored else name
            members.append([f'"{shown}":{cell}' for cell in written(answer, as_json=True)])
        return "".join(
            f"{text[:-1].rstrip()}{'' if text[1:-1].isspace() or len(text) == len('{}') else ','}"
            f"{','.join(cells)}}}\n"
            for text, *cells in zip(texts, *members, strict=True)
        )


def _rejected(line: int, error: ValidationError) -> Reject:
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if fault["type"] == "json_invalid":
        return Reject(line, None, fault["msg"].replace("Invalid JSON", "The line is no JSON"))

    return Reject(line, "/".join(map(str, fault["loc"])) or None, fault["msg"][:MAX_REASON])
