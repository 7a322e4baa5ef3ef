"""Records mixed from two: what is kept is the record's, what is not the background's, piece by piece."""

from typing import Annotated, Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, NaiveDatetime

from maas.contract import Columns, Contract, Matrix, Prediction, Record
from maas.explain.game import RecordGame
from maas.explain.parts import shares

Speed = Annotated[float, Field(ge=0, le=200)]


class Everything(Record):
    """A field of every kind."""

    when: NaiveDatetime
    amount: float | None = None
    count: int = Field(ge=0, le=9)
    open: bool
    kind: Literal["a", "b"] | None = None
    few: list[float] = Field(min_length=4, max_length=4)
    long: list[float | None] = Field(min_length=2, max_length=30)
    unbroken: list[float] = Field(min_length=0, max_length=20)
    table: list[Annotated[list[Speed | None], Field(min_length=3, max_length=3)]] = Field(
        min_length=2, max_length=2
    )
    named: list[float] = Field(min_length=2, max_length=2, json_schema_extra={"parts": ["left", "right"]})
    absent: list[float] | None = Field(default=None, min_length=2, max_length=2)


class Nothing(Prediction):
    """Not used."""

    number: float


def no_features(records: Columns) -> Matrix:
    return np.zeros((len(records["count"]), 1), np.float32)


CONTRACT = Contract(Everything, Nothing, no_features, feature_names=["none"])


def record(**changes: Any) -> dict[str, Any]:
    return {
        "when": "2026-03-01T08:30:00",
        "amount": 1.5,
        "count": 3,
        "open": True,
        "kind": "a",
        "few": [1.0, 2.0, 3.0, 4.0],
        "long": [float(number) for number in range(18)],
        "unbroken": [7.0] * 15,
        "table": [[1.0, None, 3.0], [4.0, 5.0, 6.0]],
        "named": [1.0, 2.0],
        "absent": None,
        **changes,
    }


OTHERS = CONTRACT.parse(
    [
        record(),
        record(
            when="2020-12-31T23:00:00",
            amount=None,
            count=9,
            open=False,
            kind=None,
            few=[0.0] * 4,
            long=[100.0, None, 102.0],
            unbroken=[1.0, 2.0],
            table=[[None] * 3, [9.0] * 3],
            named=[8.0, 9.0],
            absent=[1.0, 2.0],
        ),
        record(long=[200.0 + number for number in range(30)], unbroken=[]),
    ]
)


def game_of(own: Columns) -> RecordGame:
    return RecordGame(own, shares(CONTRACT, own, OTHERS), 0.0, np.zeros(3), lambda _: np.zeros(1))


def test_parts_are_what_people_sent() -> None:
    """Each scalar, date and time apart, short lists by element, long ones by stretch, tables by row."""
    labels = [part.label for part in game_of(CONTRACT.parse([record()])).parts]
    assert labels == [
        "when date",
        "when time",
        "amount",
        "count",
        "open",
        "kind",
        *(f"few[{place}]" for place in range(4)),
        *(f"long[{start}:{start + 3}]" for start in range(0, 18, 3)),
        *(f"unbroken[{a}:{b}]" for a, b in ((0, 3), (3, 5), (5, 8), (8, 10), (10, 13), (13, 15))),
        "table[0]",
        "table[1]",
        "named left",
        "named right",
        "absent",
    ]


def test_values_are_shown_as_they_were_sent() -> None:
    """A part knows its value where it has one."""
    values = {part.label: part.value for part in game_of(CONTRACT.parse([record()])).parts}
    assert (values["when date"], values["when time"]) == ("2026-03-01", "08:30:00")
    assert (values["amount"], values["kind"], values["few[2]"], values["open"]) == (1.5, "a", 3.0, True)
    assert values["long[0:3]"] is values["absent"] is values["table[0]"] is None


@settings(max_examples=60, derandomize=True, deadline=None)
@given(data=st.data())
def test_mixtures_take_each_part_from_one_side(data: st.DataObject) -> None:
    """Everything kept is the record; of the rest nothing but the background is seen."""
    own = CONTRACT.parse([record(count=1, when="2026-03-01T08:30:00", few=[9.0, 8.0, 7.0, 6.0])])
    game = game_of(own)
    row = np.array([data.draw(st.integers(0, 2))])
    kept = np.array([data.draw(st.lists(st.booleans(), min_size=game.players, max_size=game.players))])
    mixed = game.mixed(kept, row)
    held = {part.label: bool(stays) for part, stays in zip(game.parts, kept[0], strict=True)}
    sides = {True: own, False: {name: column[row] for name, column in OTHERS.items()}}
    for name in ("amount", "count", "open", "kind", "absent"):
        np.testing.assert_array_equal(mixed[name], sides[held[name]][name])
    date = sides[held["when date"]]["when"].astype("datetime64[D]")
    moment = sides[held["when time"]]["when"]
    assert mixed["when"] == date + (moment - moment.astype("datetime64[D]"))
    assert mixed["when"].dtype == own["when"].dtype
    for place in range(4):
        assert mixed["few"][0, place] == sides[held[f"few[{place}]"]]["few"][0, place]
    for place in range(2):
        np.testing.assert_array_equal(
            mixed["table"][0, place], sides[held[f"table[{place}]"]]["table"][0, place]
        )


def test_histories_meet_at_their_ends() -> None:
    """A shorter history's latest elements stand where the record's are; before them a hole, or its oldest."""
    own = CONTRACT.parse([record()])
    game = game_of(own)
    nothing = np.zeros((3, game.players), np.bool_)
    for name, column in game.mixed(nothing, np.arange(3)).items():
        np.testing.assert_array_equal(column, OTHERS[name])
    oldest = nothing.copy()
    oldest[:, [place for place, part in enumerate(game.parts) if part.piece in {"[0:3]", "[0:2]"}]] = True
    mixed = game.mixed(oldest, np.arange(3))
    assert mixed["long"][1, :3].tolist() == own["long"][0, :3].tolist()
    assert mixed["long"][1, :18].tolist()[-3:] == pytest.approx([100.0, np.nan, 102.0], nan_ok=True)
    assert np.isnan(mixed["long"][1, 3:15]).all()
    assert mixed["long"][2, 3:18].tolist() == [215.0 + number for number in range(15)]
    assert mixed["unbroken"][1, 3:15].tolist() == [1.0] * 11 + [2.0]
    assert np.isnan(mixed["long"][:, 18:]).all()


def test_what_is_equal_changes_nothing() -> None:
    """Against itself no part is active; a missing value is like a missing value."""
    game = game_of({name: column[:1] for name, column in OTHERS.items()})
    assert not game.differs[0].any()
    changed = {game.parts[place].field for place in np.flatnonzero(game.differs[1])}
    assert changed == set(CONTRACT.fields)
    longer = CONTRACT.parse([record(unbroken=[7.0] * 14)])
    (unlike,) = {game_of(longer).parts[place].label for place in np.flatnonzero(game_of(longer).differs[0])}
    assert unlike == "unbroken[0:3]"


def test_equal_mixtures_are_computed_once() -> None:
    """The record itself, the background and repeated mixtures cost nothing."""
    own = CONTRACT.parse([record(count=1, open=False)])
    asked: list[int] = []

    def answer(columns: Columns) -> Any:
        asked.append(len(columns["count"]))
        return columns["count"] + 10.0 * columns["open"]

    bases = OTHERS["count"] + 10.0 * OTHERS["open"]
    game = RecordGame(own, shares(CONTRACT, own, OTHERS), 1.0, bases, answer)
    place = [part.label for part in game.parts].index("count")
    kept = np.zeros((4, game.players), np.bool_)
    kept[1] = True
    kept[2:, place] = True
    assert game.play(kept, np.zeros(4, np.intp)).tolist() == [13.0, 1.0, 11.0, 11.0]
    assert asked == [1]
    assert game.evaluations == 1
