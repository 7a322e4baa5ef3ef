"""A network of detectors: their speeds over time, and which are near to which."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from functions.congestion.handler import DETECTORS
from maas.artifact import digest_of
from maas.errors import DataError
from models.congestion.clock import START, STEP, start_by_rhythm
from models.csv_file import CsvFile
from models.source import Source

Floats = NDArray[np.float64]
Times = NDArray[np.datetime64]

_TIME_COLUMNS = ("", "timestamp", "time", "date", "datetime")
_FASTEST = 120.0


@dataclass(frozen=True, eq=False)
class Detectors:
    """Speeds and adjacency of s detectors.

    Attributes:
        times: datetime64[s] of shape (t,), five minutes apart.
        speeds: In mph, shape (t, s); 0 where there was no reading.
        adjacency: Weights from 0 (not adjacent) to 1, shape (s, s).
        digest: SHA-256 over the digests of both files.
    """

    times: Times
    speeds: Floats
    adjacency: Floats
    digest: str


def read_detectors(source: Source) -> Detectors:
    """Read a speed file with the adjacency file beside it, or a folder with one of each.

    The speed file is a CSV with one column per detector and a row every five minutes. A first column with
    ISO 8601 times, or with row numbers counted from the archive's start, is used; without one, times are
    known by position only, see `models.congestion.clock`. The adjacency file, whose name contains `adj`, is
    a CSV of numbers without a header, its detectors in the same order.

    Raises:
        DataError: A file is missing or no such table, or the two do not fit.
    """
    speed_source, adjacency_source = _pair(source)
    file = CsvFile.parse(speed_source)
    names = list(file.columns)
    timed = names[0].lower() in _TIME_COLUMNS
    speeds = np.column_stack([file.numbers(name, missing=("",)) for name in names[timed:]])
    wrong = np.argwhere((speeds < 0) | (speeds > _FASTEST))
    if len(wrong):
        row, column = wrong[0]
        found = f"{speeds[row, column]:g} is no speed in mph"
        raise DataError(f"{file.name}: line {file.lines[row]}: column {names[timed:][column]!r}: {found}")
    speeds = np.nan_to_num(speeds)
    times = _times(file, names[0]) if timed else start_by_rhythm(speeds) + STEP * np.arange(len(speeds))
    adjacency = _adjacency(adjacency_source, speeds.shape[1])
    digest = digest_of(f"{speed_source.digest} {adjacency_source.digest}".encode())
    return Detectors(times, speeds, adjacency, digest)


def nearest(adjacency: Floats, k: int = DETECTORS) -> NDArray[np.intp]:
    """The k detectors nearest to each, itself first: column numbers of shape (s, k).

    Adjacent ones come first, the heaviest weight in front, then those reached through others by the
    shortest way, where an edge of weight w is as long as sqrt(-ln w): the weights are Gaussian kernels of
    road distances. Equals keep the order of the columns. Where fewer than k can be reached, the detector
    itself fills the rest.
    """
    size = len(adjacency)
    with np.errstate(divide="ignore"):
        edges = np.sqrt(-np.log(np.clip(adjacency, 0, 1)))
    np.fill_diagonal(edges, 0)
    ways = edges.copy()
    for via in range(size):  # Floyd and Warshall
        ways = np.minimum(ways, ways[:, [via]] + ways[[via]])
    found = np.repeat(np.arange(size)[:, None], k, axis=1)
    for one in range(size):
        order = np.lexsort((np.arange(size), ways[one], edges[one], np.arange(size) != one))
        reached = order[np.isfinite(ways[one, order])][:k]
        found[one, : len(reached)] = reached
    return found


def _pair(source: Source) -> tuple[Source, Source]:
    if source.files:
        return source.file(_only(source, "speed")), source.file(_only(source, "adj"))
    # los_speed.csv has los_adj.csv beside it, and perhaps sz_adj.csv too.
    network, speed, _ = source.name.partition("speed")
    try:
        return source, source.beside_like(f"{network}*adj*" if speed else "*adj*")
    except DataError:
        return source, source.beside_like("*adj*")


def _only(source: Source, part: str) -> str:
    found = [path for path in source.files if part in path.rsplit("/", 1)[-1].lower()]
    if len(found) != 1:
        raise DataError(f"{source.uri}: {len(found)} files with {part!r} in their names, expected one")
    return found[0]


def _times(file: CsvFile, column: str) -> Times:
    texts = file.text(column)
    if all(text.isdecimal() for text in texts):
        times = START + STEP * np.array(texts, np.int64)
    else:
        times = file.times(column)
    uneven = np.flatnonzero(np.diff(times) != STEP)
    if len(uneven):
        raise DataError(f"{file.name}: line {file.lines[uneven[0] + 1]}: times must be five minutes apart")
    return times


def _adjacency(source: Source, size: int) -> Floats:
    file = CsvFile.parse(source, names=_numbered(size))
    weights = np.column_stack([file.numbers(name) for name in _numbered(size)])
    if len(weights) != size:
        raise DataError(f"{file.name}: {len(weights)} rows, expected one for each of {size} detectors")
    if (weights < 0).any():
        raise DataError(f"{file.name}: weights must not be negative")
    return weights


def _numbered(size: int) -> Sequence[str]:
    return [str(number) for number in range(size)]
