"""Public holidays by rule: a country is a tuple of rules, its dates are computed for any year.

Only calendars that a rule can state are possible here; those proclaimed each year (lunar ones, for
example) are not, and none is shipped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import override

import numpy as np
from numpy.typing import ArrayLike, NDArray

Days = NDArray[np.datetime64]
Years = NDArray[np.int64]

_SATURDAY, _SUNDAY, _DAYS_IN_WEEK = 5, 6, 7
_FIRST_YEAR, _LAST_YEAR = 1, 9999
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
CACHED_YEARS = 32
"""Shorter spans are kept, so that serving one record does not compute a calendar each time; longer ones are
not, so that odd input cannot fill the memory."""


class Observance(Enum):
    """Where a holiday on a weekend is observed as well: days moved from a Saturday and from a Sunday."""

    NONE = (0, 0)
    NEAREST_WEEKDAY = (-1, 1)
    NEXT_MONDAY = (2, 1)
    SUNDAY_TO_MONDAY = (0, 1)


@dataclass(frozen=True, kw_only=True)
class HolidayRule:
    """One holiday, in the years `since` to `until`, both included.

    Subclasses say on which day of a year it falls.
    """

    name: str
    since: int = _FIRST_YEAR
    until: int = _LAST_YEAR
    observance: Observance = Observance.NONE

    def days(self, years: Years) -> Days:
        """The day in each of `years`, shape (n,); NaT where the year has no such day."""
        raise NotImplementedError

    def dates(self, years: Years) -> Days:
        """Every day off that the holiday of `years` gives: the day itself and the day it is observed."""
        days = self.days(years[(years >= self.since) & (years <= self.until)])
        days = days[~np.isnat(days)]
        weekdays = weekday_of(days)
        saturday, sunday = self.observance.value
        shift = np.where(weekdays == _SATURDAY, saturday, np.where(weekdays == _SUNDAY, sunday, 0))
        return np.union1d(days, days + shift.astype("timedelta64[D]"))


@dataclass(frozen=True, kw_only=True)
class FixedDate(HolidayRule):
    """The same date each year; 29 February only in leap years."""

    month: int
    day: int

    def __post_init__(self) -> None:
        _check_range("month", self.month, 1, 12)
        _check_range("day", self.day, 1, _LONGEST_MONTHS[self.month - 1])

    @override
    def days(self, years: Years) -> Days:
        first = _first_of_month(years, self.month)
        days = first + np.timedelta64(self.day - 1, "D")
        days[days.astype("datetime64[M]") != first.astype("datetime64[M]")] = np.datetime64("NaT", "D")
        return days


@dataclass(frozen=True, kw_only=True)
class NthWeekday(HolidayRule):
    """The nth (1 to 5) given weekday (Monday = 0) of a month."""

    month: int
    weekday: int
    nth: int

    def __post_init__(self) -> None:
        _check_range("month", self.month, 1, 12)
        _check_range("weekday", self.weekday, 0, 6)
        _check_range("nth", self.nth, 1, 5)

    @override
    def days(self, years: Years) -> Days:
        first = _first_of_month(years, self.month)
        ahead = (self.weekday - weekday_of(first)) % _DAYS_IN_WEEK + _DAYS_IN_WEEK * (self.nth - 1)
        days: Days = first + ahead.astype("timedelta64[D]")
        days[days.astype("datetime64[M]") != first.astype("datetime64[M]")] = np.datetime64("NaT", "D")
        return days


@dataclass(frozen=True, kw_only=True)
class LastWeekday(HolidayRule):
    """The last given weekday (Monday = 0) of a month."""

    month: int
    weekday: int

    def __post_init__(self) -> None:
        _check_range("month", self.month, 1, 12)
        _check_range("weekday", self.weekday, 0, 6)

    @override
    def days(self, years: Years) -> Days:
        last = _first_of_month(years, self.month + 1) - np.timedelta64(1, "D")
        back = (weekday_of(last) - self.weekday) % _DAYS_IN_WEEK
        days: Days = last - back.astype("timedelta64[D]")
        return days


@dataclass(frozen=True, kw_only=True)
class EasterOffset(HolidayRule):
    """So many days after (negative: before) Easter Sunday of the Western churches."""

    offset: int

    @override
    def days(self, years: Years) -> Days:
        days: Days = easter_sunday(years) + np.timedelta64(self.offset, "D")
        return days


def easter_sunday(years: ArrayLike) -> Days:
    """Easter Sunday of each Gregorian year, by the anonymous algorithm (Nature, 20 April 1876).

    >>> print(easter_sunday([2024, 2025]))
    ['2024-03-31' '2025-04-20']
    """
    year = np.asarray(years, np.int64)
    golden, (century, rest) = year % 19, np.divmod(year, 100)
    correction = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - century // 4 - correction + 15) % 30
    to_sunday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * to_sunday) // 451
    since_march = epact + to_sunday - 7 * late + 21
    days: Days = _first_of_month(year, 3) + since_march.astype("timedelta64[D]")
    return days


def weekday_of(days: Days) -> NDArray[np.int64]:
    """Weekday of datetime64[D], Monday = 0; day 0 of the epoch was a Thursday."""
    weekdays: NDArray[np.int64] = (days.astype(np.int64) + 3) % _DAYS_IN_WEEK
    return weekdays


def holidays(years: ArrayLike, rules: Sequence[HolidayRule]) -> Days:
    """All days off that fall in `years`, sorted and unique, as datetime64[D].

    A holiday on a weekend gives the day itself and the day it is observed; New Year's Day of the next
    year may so be observed in this one.

    >>> print(holidays([2020], UNITED_STATES)[4:6])
    ['2020-07-03' '2020-07-04']
    """
    wanted = np.unique(np.asarray(years, np.int64))
    days = holidays_around(wanted, rules)
    return days[np.isin(days.astype("datetime64[Y]").astype(np.int64) + 1970, wanted)]


def holidays_around(years: Years, rules: Sequence[HolidayRule]) -> Days:
    """All days off in `years` and one year on either side, and perhaps some more, sorted.

    The array may be shared and is read-only.
    """
    if years.size and years.max() - years.min() < CACHED_YEARS:
        return _cached(int(years.min()), int(years.max()), tuple(rules))
    return _computed(years, rules)


@lru_cache(maxsize=64)
def _cached(first: int, last: int, rules: tuple[HolidayRule, ...]) -> Days:
    return _computed(np.arange(first, last + 1, dtype=np.int64), rules)


def _computed(years: Years, rules: Sequence[HolidayRule]) -> Days:
    # Two years on either side: a holiday may be observed in the year before or after its own.
    around = np.unique(years[:, None] + np.arange(-2, 3))
    around = around[(around >= _FIRST_YEAR) & (around <= _LAST_YEAR)]
    empty = np.empty(0, "datetime64[D]")
    days: Days = np.unique(np.concatenate([empty, *(rule.dates(around) for rule in rules)]))
    days.flags.writeable = False
    return days


def _first_of_month(years: Years, month: int) -> Days:
    months: NDArray[np.int64] = (years - 1970) * 12 + (month - 1)
    return months.astype("datetime64[M]").astype("datetime64[D]")


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} must be between {low} and {high}, not {value}")


_NEAREST = Observance.NEAREST_WEEKDAY

UNITED_STATES: tuple[HolidayRule, ...] = (
    FixedDate(name="New Year's Day", month=1, day=1, since=1870, observance=_NEAREST),
    NthWeekday(name="Birthday of Martin Luther King, Jr.", month=1, weekday=0, nth=3, since=1986),
    FixedDate(name="Washington's Birthday", month=2, day=22, since=1879, until=1970, observance=_NEAREST),
    NthWeekday(name="Washington's Birthday", month=2, weekday=0, nth=3, since=1971),
    FixedDate(name="Memorial Day", month=5, day=30, since=1888, until=1970, observance=_NEAREST),
    LastWeekday(name="Memorial Day", month=5, weekday=0, since=1971),
    FixedDate(name="Juneteenth National Independence Day", month=6, day=19, since=2021, observance=_NEAREST),
    FixedDate(name="Independence Day", month=7, day=4, since=1870, observance=_NEAREST),
    NthWeekday(name="Labor Day", month=9, weekday=0, nth=1, since=1894),
    NthWeekday(name="Columbus Day", month=10, weekday=0, nth=2, since=1971),
    FixedDate(
        name="Armistice Day, Veterans Day", month=11, day=11, since=1938, until=1970, observance=_NEAREST
    ),
    NthWeekday(name="Veterans Day", month=10, weekday=0, nth=4, since=1971, until=1977),
    FixedDate(name="Veterans Day", month=11, day=11, since=1978, observance=_NEAREST),
    LastWeekday(name="Thanksgiving Day", month=11, weekday=3, since=1870, until=1938),
    NthWeekday(name="Thanksgiving Day", month=11, weekday=3, nth=4, since=1939, until=1939),
    NthWeekday(name="Thanksgiving Day", month=11, weekday=3, nth=3, since=1940, until=1941),
    NthWeekday(name="Thanksgiving Day", month=11, weekday=3, nth=4, since=1942),
    FixedDate(name="Christmas Day", month=12, day=25, since=1870, observance=_NEAREST),
)
"""Federal holidays (5 U.S.C. 6103 and the acts before it), each from its first year on.

Days that moved have one rule per period. Weekends follow today's law (Saturday to Friday, Sunday to
Monday) in all years. Days off by executive order and Inauguration Day are not among them.
"""
