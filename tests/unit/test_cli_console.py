"""Values, sizes, tables and JSON as they are printed."""

import json
from typing import Never

import pytest

from cli import console
from cli.progress import Steps


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (True, "yes"),
        (0.123456, "0.1235"),
        (123456.7, "123,457"),
        (12, "12"),
        ([1.5, 2], "[1.5, 2]"),
        ([0.0] * 784, "[784 values]"),
        ([[0] * 28] * 28, "[28 x 28 values]"),
        ([], "[]"),
        ({"a": 1.0, "b": None}, "a: 1, b: -"),
    ],
)
def test_values_read_as_people_write_them(value: object, text: str) -> None:
    """Numbers are rounded, long arrays are shapes, nothing is a dash."""
    assert console.plain(value) == text


def test_predictions_keep_their_digits() -> None:
    """More digits on request, inside records as well."""
    assert console.plain({"volume": 6412.25}, 9) == "volume: 6412.25"


@pytest.mark.parametrize(
    ("octets", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (3 << 20, "3.0 MiB")]
)
def test_sizes_are_in_binary_units(octets: int, text: str) -> None:
    """The unit changes at its own border."""
    assert console.size(octets) == text


def test_cells_are_text_not_markup(capsys: pytest.CaptureFixture[str]) -> None:
    """A value with brackets is printed as it is."""
    console.table(["field", "value"], [("[red]", "[/] and [1, 2]")])
    assert "[red]" in (shown := capsys.readouterr().out)
    assert "[/] and [1, 2]" in shown


def test_long_lines_are_not_broken_when_piped(capsys: pytest.CaptureFixture[str]) -> None:
    """An address or command stays on one line, or it could not be copied."""
    console.say("x" * 1000)
    assert capsys.readouterr().out == "x" * 1000 + "\n"


def test_json_has_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    """What is not a number is null: every JSON parser reads the output."""
    console.emit({"score": float("nan"), "name": "Zürich"})
    shown = capsys.readouterr().out
    assert json.loads(shown, parse_constant=pytest.fail) == {"score": None, "name": "Zürich"}


def test_steps_report_on_standard_error_and_keep_their_times(capsys: pytest.CaptureFixture[str]) -> Never:
    """Progress never touches standard output; a step that fails is not counted as done."""
    with Steps() as steps:
        with steps.step("build") as step:
            step("layer", 1, 2)
        with pytest.raises(ValueError, match="no"), steps.step("deploy"):
            raise ValueError("no")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "build" in shown.err
    assert [step.name for step in steps.done] == ["build"]
