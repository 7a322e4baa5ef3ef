"""Files are cut at ends of rows, and nowhere else."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from maas.batch.cut import Cut, Cutter, first_row

TEXT = st.lists(
    st.sampled_from(["a", '"', '""', ",", "\n", "\r\n", "é", '",', '\n"', '"\n', "雪"]), max_size=120
).map(lambda parts: "".join(parts).encode())


def rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


def cuts(
    data: bytes, *, size: int = 1000, block: int = 30, longest: int = 400, quoted: bool = True
) -> list[Cut]:
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    return list(Cutter(quoted=quoted, block=block, longest=longest).cut(chunks))


@given(TEXT, st.integers(1, 60), st.integers(3, 60))
def test_blocks_are_the_file(data: bytes, size: int, block: int) -> None:
    """Offsets and lines are right, no byte is lost or doubled, and chunks of any size give the same cuts."""
    found = cuts(data, size=size, block=block)
    end = 0
    for cut in found:
        assert cut.line == 1 + data[:end].count(b"\n")
        if cut.refused is None:
            assert cut.data == data[end : cut.end]
        end = cut.end
        assert cut.next_line == 1 + data[:end].count(b"\n")
    assert end == len(data)
    assert found == cuts(data, block=block)


@given(TEXT, st.integers(3, 60))
def test_no_row_is_torn(data: bytes, block: int) -> None:
    """Python's csv module finds the same rows in the blocks one by one as in the whole file."""
    found = cuts(data, block=block)
    if all(cut.refused is None for cut in found):
        assert [row for cut in found for row in rows(cut.data)] == rows(data)


@given(TEXT, st.integers(3, 60), st.data())
def test_cutting_goes_on_from_any_cut(data: bytes, block: int, source: st.DataObject) -> None:
    """From the end of any cut the rest has the rows and the faults it had, so a job may go on elsewhere."""
    found = cuts(data, block=block)
    if not found:
        return
    place = source.draw(st.integers(0, len(found) - 1))
    at = found[place]
    cutter = Cutter(quoted=True, offset=at.end, line=at.next_line, block=block, longest=400)
    rest, before = list(cutter.cut([data[at.end :]])), found[place + 1 :]
    assert b"".join(cut.data for cut in rest) == b"".join(cut.data for cut in before)
    assert [cut for cut in rest if cut.refused] == [cut for cut in before if cut.refused]


def test_row_that_is_too_long_is_left_out() -> None:
    """Only that row, however long it is, and without being kept."""
    data = b"a,1\n" + b"x" * 5000 + b"\nb,2\n"
    for size in (7, 100, 10_000):
        found = cuts(data, size=size)
        assert [cut.refused is None for cut in found] == [True, False, True]
        assert [cut.line for cut in found] == [1, 2, 3]
        assert b"".join(cut.data for cut in found) == b"a,1\nb,2\n"


def test_last_row_that_is_too_long_is_left_out() -> None:
    """Also where the file ends in it."""
    found = cuts(b"a,1\n" + b"x" * 5000, size=100)
    assert [cut.refused is None for cut in found] == [True, False]


def test_quote_that_is_never_closed_costs_its_own_line() -> None:
    """The rows behind it are still there."""
    data = b'a,1\n"b,2\nc,3\n' + b"d,4\n" * 200
    found = cuts(data, size=50)
    refused = [cut for cut in found if cut.refused]
    assert [cut.line for cut in refused] == [2]
    assert b"".join(cut.data for cut in found) == data.replace(b'"b,2\n', b"")


def test_quotes_mean_nothing_in_json_lines() -> None:
    """Where cells cannot hold line ends, an open quote spoils its own line only."""
    data = b'{"a": "\n{"a": 1}\n'
    assert [cut.refused for cut in cuts(data, quoted=False, block=5)] == [None, None]


def test_first_row_may_span_lines() -> None:
    """A header with a line end inside a quoted name is one row."""
    assert first_row(b'"a\nb",c\n1,2\n') == len(b'"a\nb",c\n')
    assert first_row(b"a,b") == 3
