"""What a file is, whatever its name says."""

import gzip
from collections.abc import Callable

import pytest

from maas.batch import source
from maas.batch.names import Refused, read
from maas.batch.source import Source, encoding_of


class Memory:
    """A file in memory."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.most = 0

    def read_range(self, _: str, __: str, start: int, end: int) -> bytes:
        self.most = max(self.most, end - start)
        return self.body[start:end]


def opened(body: bytes, name: str = "a.csv", size: int = 1000) -> Source:
    return Source(Memory(body), "", "", len(body), read(f"inbox/tiny/{name}"), read=size)


@pytest.mark.parametrize(
    ("body", "name", "reason"),
    [
        (gzip.compress(b"a,b\n"), "a.csv", "end in .gz"),
        (b"a,b\n1,2\n", "a.csv.gz", "not what .gz says"),
        (gzip.compress(b"a,b\n" * 99)[:-9], "a.csv.gz", "damaged|ends in the middle"),
        (b"PK\x03\x04" + b"\0" * 50, "a.csv", "Excel"),
        (b"PAR1" + b"\0" * 50, "a.jsonl", "Parquet"),
        ("a,b\n".encode("utf-16"), "a.csv", "UTF-16"),
        (b"a,b\n\0\0\n", "a.csv", "binary"),
        (b'[{"a": 1}]', "a.jsonl", "JSON array"),
        (b"a,b\n1,2\n", "a.jsonl", "no JSON Lines"),
        (b'{"a": 1}\n', "a.csv", "like JSON"),
        (b"\xff\xfa\xfb,b\n", "a.csv", "neither UTF-8 nor GBK"),
    ],
)
def test_what_is_not_what_its_name_says_is_refused(body: bytes, name: str, reason: str) -> None:
    """The person who dropped it learns what it is."""
    file = opened(body, name)
    with pytest.raises(Refused, match=reason):
        assert [file.begin(), *file.chunks()]


def test_gzip_bomb_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """What grows beyond all measure is stopped there."""
    monkeypatch.setattr(source, "MAX_SMALL_BYTES", 10_000_000)
    bomb = gzip.compress(b"1,2\n" * 25_000_000)
    taken = 0

    def consume() -> None:
        nonlocal taken
        for chunk in opened(bomb, "a.csv.gz", size=10_000_000).chunks():
            assert len(chunk) <= 1024 * 1024
            taken += len(chunk)

    with pytest.raises(Refused, match="grows to more than"):
        consume()
    assert taken < 250 * len(bomb) + 2_000_000


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, lambda body: gzip.compress(body[:9]) + gzip.compress(body[9:])]
)
def test_any_part_is_read_from_any_place(pack: Callable[[bytes], bytes]) -> None:
    """Compressed or not, in one member or several, reading may begin anywhere."""
    body = bytes(range(1, 200)) * 20
    file = opened(pack(body), "a.csv" if pack is bytes else "a.csv.gz", size=77)
    for start in (0, 1, 76, 77, 78, 2000, len(body)):
        assert b"".join(file.chunks(start)) == body[start:]


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"plain\n", None),
        ("é\n", "utf-8"),
        ("雪,中文\n", "utf-8"),
        ("天气,温度\n晴,3\n".encode("gb18030"), "gb18030"),
        ("雪\n天气\n雪\n".encode("gbk"), "gb18030"),  # 雪 alone could be two bytes of UTF-8
        ("a\n\n天气".encode("gbk"), "gb18030"),
        ("中文\n".encode() * 50 + b"\xd6\xd0\n", "utf-8"),
    ],
)
def test_encoding_is_found(body: bytes | str, encoding: str | None) -> None:
    """By what the lines speak for."""
    assert encoding_of(body.encode() if isinstance(body, str) else body) == encoding


def test_beginning_of_a_csv_file() -> None:
    """The byte order mark and blank lines are not part of the header."""
    start = opened(b"\xef\xbb\xbf\r\n\na,b\r\n1,2\n").begin()
    assert (start.header, start.line, start.marked, start.encoding) == ("a,b", 4, True, "utf-8")
    assert start.offset == 3 + 3 + 5


@pytest.mark.parametrize("body", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_empty_file_has_no_header(body: bytes) -> None:
    """Nothing is an ordinary amount of rows."""
    start = opened(body).begin()
    assert (start.header, start.offset) == ("", len(body))
