from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.traffic_flow.handler import FEATURES, features, handler
from maas.contract import Matrix
from maas.errors import InvalidRecord
from maas.preprocessing import UNITED_STATES, holidays


def _matrix(*records: dict[str, Any]) -> Matrix:
    return handler.contract.matrix(handler.contract.parse(records))


def _feature(name: str, **record: Any) -> float:
    return float(_matrix(record)[0, FEATURES.index(name)])


def test_a_timestamp_alone_is_enough() -> None:
    """Weather has defaults, so that a forecast is possible before the weather is known."""
    assert _matrix({"timestamp": "2018-10-02T08:00:00"}).shape == (1, len(FEATURES))


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"timestamp": "2018-10-02T08:00:00+02:00"},
        {"timestamp": "2018-02-30T08:00:00"},
        {"timestamp": "2018-10-02T08:00:00", "location": "elsewhere"},
        {"timestamp": "2018-10-02T08:00:00", "temperature": 288.0},
        {"timestamp": "2018-10-02T08:00:00", "rain": -1.0},
        {"timestamp": "2018-10-02T08:00:00", "weather": "Frogs"},
        {"timestamp": "2018-10-02T08:00:00", "holiday": "Tuesday"},
        {"timestamp": "2018-10-02T08:00:00", "lag_1": 1.0},
    ],
    ids=["empty", "offset", "no date", "location", "kelvin", "rain", "weather", "holiday", "unknown field"],
)
def test_the_contract_refuses(record: dict[str, Any]) -> None:
    """What the model cannot answer for is refused, not guessed."""
    with pytest.raises(InvalidRecord):
        handler.contract.parse([record])


@pytest.mark.parametrize(
    ("date", "feature", "expected"),
    [
        ("2018-07-04", "major_holiday", 1),
        ("2018-07-03", "days_to_major_holiday", 1),
        ("2018-07-03", "days_from_independence_day", -1),
        ("2018-11-23", "days_from_thanksgiving", 1),
        ("2018-11-23", "days_since_major_holiday", 1),
        ("2018-11-12", "minor_holiday", 1),
        ("2018-11-12", "major_holiday", 0),
        ("2018-12-31", "days_from_new_year", -1),
        ("2018-12-31", "days_from_christmas", 6),
        ("2018-09-15", "days_since_major_holiday", 8),
        ("2018-12-17", "days_from_christmas", 8),
    ],
)
def test_holidays_are_known_by_date(date: str, feature: str, expected: float) -> None:
    """Distances to holidays are negative before the day, 0 on it, and 8 where none is near."""
    assert _feature(feature, timestamp=f"{date}T08:00:00") == expected


def test_a_named_holiday_counts_without_its_date() -> None:
    """A caller may name the day, major or minor."""
    day = "2018-08-23T08:00:00"
    assert _feature("major_holiday", timestamp=day, holiday="Memorial Day") == 1
    assert _feature("minor_holiday", timestamp=day, holiday="State Fair") == 1
    assert _feature("minor_holiday", timestamp=day) == 0


def test_every_federal_holiday_is_major_or_minor() -> None:
    """No holiday is lost between the two features."""
    days = holidays([2017, 2018], UNITED_STATES).astype(str)
    matrix = _matrix(*({"timestamp": f"{day}T12:00:00"} for day in days))
    both = matrix[:, FEATURES.index("major_holiday")] + matrix[:, FEATURES.index("minor_holiday")]
    assert (both == 1).all()


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "timestamp": st.datetimes().map(lambda moment: moment.isoformat()),
                "temperature": st.none() | st.floats(-60, 60),
                "rain": st.floats(0, 300),
                "clouds": st.floats(0, 100),
            }
        ),
        min_size=2,
        max_size=6,
    )
)
def test_a_rows_features_depend_on_that_row_alone(records: list[dict[str, Any]]) -> None:
    """One batch or one record at a time, any permitted date: the same finite features."""
    together = _matrix(*records)
    assert np.array_equal(together, np.concatenate([_matrix(record) for record in records]))


def test_no_records_give_no_rows() -> None:
    """An empty batch has the right width."""
    assert features(handler.contract.columns([])).shape == (0, len(FEATURES))
