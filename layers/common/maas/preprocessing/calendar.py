"""Calendar features of local civil times: fields, points on a circle, holidays.

Every function takes datetime64 of shape (n,), read as local civil time without zone, and works on each
row alone: a row's feature never depends on the rows beside it. NaT is refused with `DataError`.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maas.errors import DataError
from maas.preprocessing.holiday import CACHED_YEARS, HolidayRule, holidays_around, weekday_of

Times = NDArray[np.datetime64]
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_SATURDAY = 5
_MINUTES_IN_DAY = 1440
_LONGEST_DISTANCE = 365
_ONE_DAY = np.timedelta64(1, "D")


def hour(times: Times) -> Integers:
    """Hour of the day, 0 to 23.

    >>> hour(np.array(["2018-10-02T09:30:00"], "datetime64[s]"))
    array([9])
    """
    return minute_of_day(times) // 60


def minute_of_day(times: Times) -> Integers:
    """Whole minutes since midnight, 0 to 1439."""
    minutes: Integers = _checked(times).astype("datetime64[m]").astype(np.int64) % _MINUTES_IN_DAY
    return minutes


def weekday(times: Times) -> Integers:
    """Day of the week, Monday = 0 to Sunday = 6."""
    return weekday_of(day(times))


def month(times: Times) -> Integers:
    """Month of the year, 1 to 12."""
    months: Integers = _checked(times).astype("datetime64[M]").astype(np.int64) % 12 + 1
    return months


def year(times: Times) -> Integers:
    """Year of the Gregorian calendar."""
    years: Integers = _checked(times).astype("datetime64[Y]").astype(np.int64) + 1970
    return years


def day_of_year(times: Times) -> Integers:
    """Day of the year, 1 to 366."""
    days = day(times)
    numbers: Integers = (days - days.astype("datetime64[Y]")).astype(np.int64) + 1
    return numbers


def day(times: Times) -> Times:
    """The civil day, as datetime64[D]."""
    return _checked(times).astype("datetime64[D]")


def is_weekend(times: Times) -> Mask:
    """Whether the day is a Saturday or a Sunday."""
    weekend: Mask = weekday(times) >= _SATURDAY
    return weekend


def cyclic(value: ArrayLike, period: float) -> tuple[Floats, Floats]:
    """Sine and cosine of `value` on a circle of `period`, so that the end of a period meets its start.

    >>> sine, cosine = cyclic([0, 6], period=24)
    >>> print(sine.round(6), cosine.round(6))
    [0. 1.] [1. 0.]
    """
    if not (np.isfinite(period) and period > 0):
        raise ValueError(f"period must be positive and finite, not {period}")
    # The remainder first: sine loses digits for large angles.
    angle = 2 * np.pi * (np.remainder(np.asarray(value, np.float64), period) / period)
    return np.sin(angle), np.cos(angle)


def cyclic_hour(times: Times) -> tuple[Floats, Floats]:
    """Time of day on a circle of 24 hours, to the minute."""
    return cyclic(minute_of_day(times), _MINUTES_IN_DAY)


def cyclic_weekday(times: Times) -> tuple[Floats, Floats]:
    """Day of the week on a circle of seven, Monday at angle 0."""
    return cyclic(weekday(times), 7)


def cyclic_month(times: Times) -> tuple[Floats, Floats]:
    """Month on a circle of twelve, January at angle 0."""
    return cyclic(month(times) - 1, 12)


def cyclic_day_of_year(times: Times) -> tuple[Floats, Floats]:
    """Day of the year on a circle of 366, 1 January at angle 0; 31 December is next to it in every year."""
    return cyclic(day_of_year(times) - 1, 366)


def is_holiday(times: Times, rules: Sequence[HolidayRule]) -> Mask:
    """Whether the day is a holiday, or the day on which one is observed.

    >>> from maas.preprocessing.holiday import UNITED_STATES
    >>> is_holiday(np.array(["2018-07-03T23:59", "2018-07-04T00:00"], "datetime64[s]"), UNITED_STATES)
    array([False,  True])
    """
    holiday: Mask = days_to_next_holiday(times, rules) == 0
    return holiday


def is_day_before_holiday(times: Times, rules: Sequence[HolidayRule]) -> Mask:
    """Whether the following day is a holiday."""
    holiday: Mask = days_to_next_holiday(day(times) + _ONE_DAY, rules) == 0
    return holiday


def is_day_after_holiday(times: Times, rules: Sequence[HolidayRule]) -> Mask:
    """Whether the preceding day was a holiday."""
    holiday: Mask = days_to_next_holiday(day(times) - _ONE_DAY, rules) == 0
    return holiday


def days_to_next_holiday(
    times: Times, rules: Sequence[HolidayRule], *, limit: int = _LONGEST_DISTANCE
) -> Integers:
    """Days until the next holiday, 0 on one; `limit` (at most 365) where none is nearer."""
    days, off = _surroundings(times, rules, limit)
    return _capped(off[np.searchsorted(off, days, "left")] - days, limit)


def days_since_holiday(
    times: Times, rules: Sequence[HolidayRule], *, limit: int = _LONGEST_DISTANCE
) -> Integers:
    """Days since the last holiday, 0 on one; `limit` (at most 365) where none is nearer."""
    days, off = _surroundings(times, rules, limit)
    return _capped(days - off[np.searchsorted(off, days, "right") - 1], limit)


def days_to_nearest_holiday(
    times: Times, rules: Sequence[HolidayRule], *, limit: int = _LONGEST_DISTANCE
) -> Integers:
    """Days to the nearest holiday before or after, 0 on one; `limit` (at most 365) where none is nearer.

    >>> from maas.preprocessing.holiday import UNITED_STATES
    >>> days_to_nearest_holiday(np.array(["2018-12-23", "2018-12-30"], "datetime64[s]"), UNITED_STATES)
    array([2, 2])
    """
    ahead = days_to_next_holiday(times, rules, limit=limit)
    return np.minimum(ahead, days_since_holiday(times, rules, limit=limit))


def days_from_holidays(
    times: Times, holidays: Sequence[Sequence[HolidayRule]], *, limit: int = _LONGEST_DISTANCE
) -> Integers:
    """Days from the nearest day of each holiday: -7 a week before it, 7 a week after it.

    Args:
        times: Shape (n,).
        holidays: The rules of each holiday.
        limit: What stands where none is nearer, on either side; at most 365.

    Returns:
        Shape (number of holidays, n).

    >>> from maas.preprocessing.holiday import UNITED_STATES
    >>> july = [rule for rule in UNITED_STATES if rule.name == "Independence Day"]
    >>> days_from_holidays(np.array(["2018-07-03", "2018-07-06"], "datetime64[s]"), [july], limit=8)
    array([[-1,  2]])
    """
    days, rules = day(times), tuple(tuple(holiday) for holiday in holidays)
    if days.size:
        first, last = days.min().astype("datetime64[Y]"), days.max().astype("datetime64[Y]")
        if (last - first).astype(int) < CACHED_YEARS:
            start, table = _table(int(first.astype(int)), int(last.astype(int)), rules, limit)
            return table[:, (days - start).astype(np.int64)]
    return _signed(days, rules, limit)


@lru_cache(maxsize=16)
def _table(
    first: int, last: int, holidays: tuple[tuple[HolidayRule, ...], ...], limit: int
) -> tuple[np.datetime64, Integers]:
    """The distances of all days from one year to another, both counted from 1970, and the first of these."""
    start, end = (np.datetime64(year, "Y").astype("datetime64[D]") for year in (first, last + 1))
    return start, _signed(np.arange(start, end), holidays, limit)


def _signed(days: Times, holidays: tuple[tuple[HolidayRule, ...], ...], limit: int) -> Integers:
    distances = np.full((len(holidays), len(days)), limit, np.int64)
    for row, rules in zip(distances, holidays, strict=True):
        since = days_since_holiday(days, rules, limit=limit)
        ahead = days_to_next_holiday(days, rules, limit=limit)
        near = np.minimum(since, ahead) < limit
        row[near] = np.where(since < ahead, since, -ahead)[near]
    return distances


def _surroundings(times: Times, rules: Sequence[HolidayRule], limit: int) -> tuple[Times, Times]:
    # One year on either side holds every day within the limit, so a row's answer does not depend on which
    # years the rest of the batch covers. The guards lie beyond any limit.
    if not 1 <= limit <= _LONGEST_DISTANCE:
        raise ValueError(f"limit must be between 1 and {_LONGEST_DISTANCE}, not {limit}")
    days = day(times)
    if not days.size:
        return days, np.zeros(1, "datetime64[D]")
    off = holidays_around(year(days), rules)
    far = np.timedelta64(2 * _LONGEST_DISTANCE, "D")
    return days, np.concatenate([[days.min() - far], off, [days.max() + far]])


def _capped(distance: NDArray[np.timedelta64], limit: int) -> Integers:
    return np.minimum(distance.astype(np.int64), limit)


def _checked(times: Times) -> Times:
    times = np.asarray(times)
    if times.dtype.kind != "M":
        raise DataError(f"times must be datetime64, not {times.dtype}")
    if np.isnat(times).any():
        raise DataError("times must not be missing (NaT)")
    return times
