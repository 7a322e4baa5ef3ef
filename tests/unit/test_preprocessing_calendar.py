"""Calendar fields, points on a circle and holidays, against the standard library and pandas."""

import calendar as civil
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.tseries.holiday import USFederalHolidayCalendar
from pandas.tseries.offsets import Easter

from maas import preprocessing as pp
from maas.errors import DataError

unhurried = settings(deadline=None, max_examples=60)
moments = st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31))  # noqa: DTZ001
recent = st.datetimes(min_value=datetime(1978, 1, 1), max_value=datetime(2100, 12, 31))  # noqa: DTZ001


def times(*values: datetime | str) -> np.ndarray:
    return np.array(values, "datetime64[s]")


@unhurried
@given(st.lists(moments, max_size=5))
def test_fields_agree_with_the_standard_library(values: list[datetime]) -> None:
    """All fields are those of `datetime`, before 1970 as well."""
    array = times(*values)
    assert pp.hour(array).tolist() == [value.hour for value in values]
    assert pp.minute_of_day(array).tolist() == [value.hour * 60 + value.minute for value in values]
    assert pp.weekday(array).tolist() == [value.weekday() for value in values]
    assert pp.month(array).tolist() == [value.month for value in values]
    assert pp.year(array).tolist() == [value.year for value in values]
    assert pp.day_of_year(array).tolist() == [value.timetuple().tm_yday for value in values]
    assert pp.is_weekend(array).tolist() == [value.weekday() >= civil.SATURDAY for value in values]


@pytest.mark.parametrize("bad", [times("2020-01-01", "NaT"), np.array([1.0]), np.array(["2020-01-01"])])
def test_refuses_what_is_no_time(bad: np.ndarray) -> None:
    """Missing times and other types are refused instead of giving numbers without meaning."""
    with pytest.raises(DataError):
        pp.hour(bad)


@unhurried
@given(st.floats(-1e6, 1e6), st.floats(0.5, 1e4), st.integers(-1000, 1000))
def test_circle_is_periodic_and_continuous(value: float, period: float, turns: int) -> None:
    """Points lie on the unit circle, repeat after each period, and move as little as the value does."""
    step = period * 1e-6
    sine, cosine = pp.cyclic([value, value + turns * period, value + step], period)
    assert sine**2 + cosine**2 == pytest.approx(1)
    assert sine[0] == pytest.approx(sine[1], abs=1e-5)
    assert cosine[0] == pytest.approx(cosine[1], abs=1e-5)
    assert np.hypot(sine[2] - sine[0], cosine[2] - cosine[0]) <= 2 * np.pi * 1e-6 + 1e-6


@pytest.mark.parametrize(
    ("feature", "before", "after", "period"),
    [
        (pp.cyclic_hour, "2018-05-05T23:59", "2018-05-06T00:00", 1440),
        (pp.cyclic_weekday, "2018-05-06", "2018-05-07", 7),
        (pp.cyclic_month, "2018-12-31", "2019-01-01", 12),
        (pp.cyclic_day_of_year, "2020-12-31", "2021-01-01", 366),
    ],
)
def test_end_of_a_period_meets_its_start(feature, before: str, after: str, period: int) -> None:  # noqa: ANN001
    """The last point of a period is one ordinary step from the first, which is at angle zero."""
    sine, cosine = feature(times(before, after))
    assert (sine[1], cosine[1]) == (0, 1)
    assert np.hypot(sine[0] - sine[1], cosine[0] - cosine[1]) == pytest.approx(2 * np.sin(np.pi / period))


@pytest.mark.parametrize("period", [0, -1, float("inf"), float("nan")])
def test_refuses_an_impossible_period(period: float) -> None:
    """A circle has a positive, finite length."""
    with pytest.raises(ValueError, match="period"):
        pp.cyclic([1.0], period)


def test_federal_holidays_agree_with_pandas() -> None:
    """On working days the federal calendar is pandas' own, since 1978 when its rules begin to hold."""
    ours = pp.holidays(range(1978, 2101), pp.UNITED_STATES)
    theirs = (
        USFederalHolidayCalendar().holidays("1978-01-01", "2100-12-31").to_numpy().astype("datetime64[D]")
    )
    np.testing.assert_array_equal(ours[~pp.is_weekend(ours)], theirs)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("1939-11-23", True),  # Thanksgiving a week early
        ("1941-11-20", True),
        ("1941-11-27", False),
        ("1944-11-23", True),  # the fourth of five Thursdays
        ("1970-05-30", True),  # Memorial Day before the Monday law
        ("1971-05-31", True),
        ("1975-10-27", True),  # Veterans Day in October
        ("1975-11-11", False),
        ("1985-01-21", False),  # before the King holiday
        ("2020-06-19", False),  # before Juneteenth
        ("2021-06-18", True),
        ("2021-06-19", True),  # the Saturday itself
        ("2021-12-31", True),  # observed in the year before
        ("2022-12-26", True),
        ("1869-07-04", False),
    ],
)
def test_federal_holidays_of_the_past(day: str, expected: bool) -> None:  # noqa: FBT001
    """Days that were moved, introduced or observed beside the weekend are known for their own years."""
    assert pp.is_holiday(times(day), pp.UNITED_STATES).tolist() == [expected]


@unhurried
@given(st.integers(1, 9999))
def test_easter_is_a_sunday_in_spring(year: int) -> None:
    """Easter falls on a Sunday from 22 March to 25 April."""
    easter = pp.easter_sunday([year])
    assert pp.weekday(easter).tolist() == [civil.SUNDAY]
    first, last = np.datetime64(f"{year:04}-03-22"), np.datetime64(f"{year:04}-04-25")
    assert first <= easter[0] <= last


def test_easter_agrees_with_pandas() -> None:
    """Easter is where pandas has it, for two centuries."""
    years = np.arange(1900, 2100)
    theirs = [(pd.Timestamp(f"{year}-01-01") + Easter()).date() for year in years]
    assert pp.easter_sunday(years).astype(object).tolist() == theirs


@unhurried
@given(st.integers(1, 9999), st.integers(1, 12), st.integers(0, 6), st.integers(1, 5))
def test_weekday_rules_agree_with_a_count(year: int, month: int, weekday: int, nth: int) -> None:
    """Nth and last weekdays are those counted off the month; a fifth that does not exist gives nothing."""
    days = range(1, civil.monthrange(year, month)[1] + 1)
    matching = [date(year, month, day) for day in days if date(year, month, day).weekday() == weekday]
    counted = pp.NthWeekday(name="nth", month=month, weekday=weekday, nth=nth)
    last = pp.LastWeekday(name="last", month=month, weekday=weekday)
    assert pp.holidays([year], [counted]).astype(object).tolist() == matching[nth - 1 : nth]
    assert pp.holidays([year], [last]).astype(object).tolist() == matching[-1:]


def test_leap_day_only_in_leap_years() -> None:
    """29 February is left out where it does not exist."""
    rule = pp.FixedDate(name="leap day", month=2, day=29)
    assert pp.holidays([1900, 2000, 2023, 2024], [rule]).astype(str).tolist() == ["2000-02-29", "2024-02-29"]


@pytest.mark.parametrize(
    ("observance", "saturday", "sunday"),
    [
        (pp.Observance.NONE, [], []),
        (pp.Observance.NEAREST_WEEKDAY, ["2022-12-30"], ["2024-01-01"]),
        (pp.Observance.NEXT_MONDAY, ["2023-01-02"], ["2024-01-01"]),
        (pp.Observance.SUNDAY_TO_MONDAY, [], ["2024-01-01"]),
    ],
)
def test_observance(observance: pp.Observance, saturday: list[str], sunday: list[str]) -> None:
    """31 December on a Saturday (2022) and a Sunday (2023) is also observed where its policy says."""
    rule = pp.FixedDate(name="last day", month=12, day=31, observance=observance)
    found = pp.holidays([2022, 2023, 2024], [rule]).astype(str).tolist()
    assert found == sorted(["2022-12-31", "2023-12-31", "2024-12-31", *saturday, *sunday])


def test_easter_offset() -> None:
    """Another country is data: Good Friday and Whit Monday of 2024."""
    rules = [pp.EasterOffset(name="Good Friday", offset=-2), pp.EasterOffset(name="Whit Monday", offset=50)]
    assert pp.holidays([2024], rules).astype(str).tolist() == ["2024-03-29", "2024-05-20"]


@pytest.mark.parametrize(
    ("rule", "arguments"),
    [
        (pp.FixedDate, {"month": 13, "day": 1}),
        (pp.FixedDate, {"month": 4, "day": 31}),
        (pp.NthWeekday, {"month": 1, "weekday": 7, "nth": 1}),
        (pp.NthWeekday, {"month": 1, "weekday": 0, "nth": 6}),
        (pp.LastWeekday, {"month": 0, "weekday": 0}),
    ],
)
def test_refuses_impossible_rules(rule: type[pp.HolidayRule], arguments: dict[str, int]) -> None:
    """A rule that no year can have is refused when it is written down."""
    with pytest.raises(ValueError, match="between"):
        rule(name="never", **arguments)


@unhurried
@given(recent)
def test_distances_agree_with_a_search(value: datetime) -> None:
    """Distances to holidays are those found by looking at one day after the other."""
    off = set(pp.holidays(range(1976, 2104), pp.UNITED_STATES).astype(object).tolist())
    ahead = next(days for days in range(400) if value.date() + timedelta(days) in off)
    behind = next(days for days in range(400) if value.date() - timedelta(days) in off)
    array = times(value)
    assert pp.days_to_next_holiday(array, pp.UNITED_STATES).tolist() == [ahead]
    assert pp.days_since_holiday(array, pp.UNITED_STATES).tolist() == [behind]
    assert pp.days_to_nearest_holiday(array, pp.UNITED_STATES).tolist() == [min(ahead, behind)]
    signed = behind if behind < ahead else -ahead
    assert pp.days_from_holidays(array, [pp.UNITED_STATES]).tolist() == [[signed]]
    assert pp.days_from_holidays(array, [pp.UNITED_STATES, ()], limit=9).tolist() == [
        [signed if abs(signed) < 9 else 9],
        [9],
    ]
    assert pp.is_holiday(array, pp.UNITED_STATES).tolist() == [ahead == 0]
    assert pp.is_day_before_holiday(array, pp.UNITED_STATES).tolist() == [value.date() + timedelta(1) in off]
    assert pp.is_day_after_holiday(array, pp.UNITED_STATES).tolist() == [value.date() - timedelta(1) in off]


@unhurried
@given(st.lists(moments, min_size=1, max_size=6))
def test_a_row_does_not_depend_on_its_batch(values: list[datetime]) -> None:
    """A batch over any span of years answers like its rows one by one."""
    together = pp.days_to_nearest_holiday(times(*values), pp.UNITED_STATES)
    alone = [pp.days_to_nearest_holiday(times(value), pp.UNITED_STATES)[0] for value in values]
    assert together.tolist() == alone
    signed = pp.days_from_holidays(times(*values), [pp.UNITED_STATES])
    assert signed.T.tolist() == [
        pp.days_from_holidays(times(v), [pp.UNITED_STATES])[:, 0].tolist() for v in values
    ]


def test_no_holiday_within_reach() -> None:
    """Without rules, or long before the first holiday, the distance is the limit."""
    assert pp.days_to_nearest_holiday(times("2018-01-01"), ()).tolist() == [365]
    assert pp.days_to_nearest_holiday(times("1700-01-01"), pp.UNITED_STATES, limit=9).tolist() == [9]
    assert pp.days_to_nearest_holiday(times(), pp.UNITED_STATES).tolist() == []
    assert pp.days_from_holidays(times(), [pp.UNITED_STATES]).shape == (1, 0)


def test_stray_dates_stay_cheap() -> None:
    """A date millions of years away is answered, not computed year by year."""
    far = np.array(["2018-07-04", "290000000-01-01"], "datetime64[s]")
    assert pp.is_holiday(far, pp.UNITED_STATES).tolist() == [True, False]


def test_holidays_of_no_years() -> None:
    """No years have no holidays."""
    assert pp.holidays([], pp.UNITED_STATES).tolist() == []


@pytest.mark.parametrize("limit", [0, 366])
def test_refuses_limits_beyond_a_year(limit: int) -> None:
    """Beyond a year the answer would depend on the batch."""
    with pytest.raises(ValueError, match="limit"):
        pp.days_to_next_holiday(times("2018-01-01"), pp.UNITED_STATES, limit=limit)
