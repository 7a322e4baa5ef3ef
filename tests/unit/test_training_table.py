import gzip
from pathlib import Path

import boto3
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maas.errors import DataError
from models.csv_file import CsvFile
from models.source import Source, read_source
from models.traffic_flow.train import load

HEADER = "holiday,temp,rain_1h,snow_1h,clouds_all,weather_main,weather_description,date_time,traffic_volume"
MIDNIGHT = "Columbus Day,288.28,0.0,0.0,40,Clouds,scattered clouds,2012-10-08 00:00:00,512"
MORNING = "None,289.36,0.0,0.0,75,Clouds,broken clouds,2012-10-08 09:00:00,4516"
NEXT_DAY = "None,289.58,0.0,0.0,90,Rain,light rain,2012-10-09 09:00:00,4767"


def _source(*lines: str) -> Source:
    return Source.of("metro.csv", "\n".join(lines).encode())


def _changed(row: str, old: str, new: str) -> str:
    assert old in row
    return row.replace(old, new)


def test_load_reads_the_contracts_columns() -> None:
    """Kelvin become degrees, and a holiday named at midnight holds for its whole day and no other."""
    table = load(_source(HEADER, MIDNIGHT, MORNING, NEXT_DAY))
    assert table.columns["temperature"].tolist() == [15.13, 16.21, 16.43]
    assert table.columns["holiday"].tolist() == ["Columbus Day", "Columbus Day", None]
    assert table.target.tolist() == [512.0, 4516.0, 4767.0]
    assert table.data.rows == 3
    assert table.data.period == "2012-10-08T00:00:00/2012-10-09T09:00:00"
    assert not table.data.simulated


def test_load_takes_faulty_measurements_as_missing() -> None:
    """0 K and 9831 mm of rain, both in the archive, do not reach the model."""
    table = load(_source(HEADER, _changed(MORNING, "289.36,0.0", "0.0,9831.3")))
    assert np.isnan(table.columns["temperature"][0])
    assert table.columns["rain"][0] == 0


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([HEADER.replace("clouds_all", "cover"), MORNING], r"line 1: no column 'clouds_all'"),
        (
            [HEADER, MIDNIGHT, _changed(MORNING, "289.36", "warm")],
            r"line 3: column 'temp': 'warm' is no number",
        ),
        ([HEADER, _changed(MORNING, "4516", "1e999")], r"line 2: column 'traffic_volume': '1e999'"),
        ([HEADER, _changed(MORNING, "4516", "nan")], r"line 2: column 'traffic_volume': 'nan'"),
        ([HEADER, _changed(MORNING, "2012-10-08", "2012-02-30")], r"line 2: column 'date_time'"),
        ([HEADER, _changed(MORNING, "09:00:00", "09:00:00+02:00")], r"line 2: column 'date_time'"),
        ([HEADER, MIDNIGHT, _changed(MORNING, "Clouds", "Frogs")], r"line 3: weather"),
        ([HEADER, _changed(MORNING, ",75,", ",175,")], r"line 2: clouds"),
        ([HEADER, MORNING + ",7"], r"line 2: 10 fields, the header has 9"),
        ([HEADER, '"' + MORNING], r"line 2: unexpected end of data"),
        ([HEADER], r"a header but no rows"),
        (["\n", ""], r"empty"),
        ([HEADER + ",temp", MORNING + ",1"], r"occurs twice"),
    ],
)
def test_load_names_the_place_of_a_fault(lines: list[str], message: str) -> None:
    """A fault in the file is a DataError with file, line and column."""
    with pytest.raises(DataError, match=message) as caught:
        load(_source(*lines))
    assert "metro.csv" in caught.value.detail


def test_csv_refuses_bytes_that_are_no_text() -> None:
    """Latin-1 in a UTF-8 file is named with its line."""
    source = Source.of("metro.csv", HEADER.encode() + b"\nM\xfcll,1")
    with pytest.raises(DataError, match="line 2: not UTF-8"):
        CsvFile.parse(source)


def test_csv_reads_byte_order_mark_quotes_and_blank_lines() -> None:
    """What spreadsheets write is read, and lines are counted as editors count them."""
    source = Source.of("a.csv", b'\xef\xbb\xbfa,b\r\n"1,\r\n2",3\r\n\r\n4,5\r\n')
    file = CsvFile.parse(source)
    assert file.columns == {"a": ["1,\r\n2", "4"], "b": ["3", "5"]}
    assert file.lines == [3, 5]


@given(st.binary(max_size=200))
def test_csv_never_fails_with_another_error(data: bytes) -> None:
    """Whatever the bytes are, they parse or are refused."""
    try:
        file = CsvFile.parse(Source.of("x.csv", data))
    except DataError:
        return
    assert all(len(column) == len(file) for column in file.columns.values())


def test_source_reads_gzip_like_plain(tmp_path: Path) -> None:
    """The compressed file gives the same bytes; its digest is that of the file."""
    plain, packed = tmp_path / "a.csv", tmp_path / "a.csv.gz"
    plain.write_bytes(b"a\n1\n")
    packed.write_bytes(gzip.compress(b"a\n1\n"))
    assert read_source(str(packed)).data == read_source(str(plain)).data
    assert read_source(str(packed)).digest != read_source(str(plain)).digest


@pytest.mark.parametrize("fault", ["cut off", "overwritten"])
def test_source_refuses_a_damaged_gzip(tmp_path: Path, fault: str) -> None:
    """A cut or damaged stream is an error, never fewer rows."""
    data = gzip.compress(b"a,b\n" + bytes(range(48, 58)) * 50)
    path = tmp_path / "a.csv.gz"
    path.write_bytes(data[:-9] if fault == "cut off" else data[:-8] + b"\0\0\0\0" + data[-4:])
    with pytest.raises(DataError, match="damaged or cut off"):
        read_source(str(path))


def test_source_refuses_what_is_not_there(tmp_path: Path) -> None:
    """A missing file and a folder are DataErrors with the path."""
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(DataError, match=str(path)):
            read_source(str(path))


@pytest.mark.usefixtures("aws")
def test_source_reads_s3() -> None:
    """An s3:// address is read through boto3; a missing key and half an address are DataErrors."""
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="data")
    s3.put_object(Bucket="data", Key="in/metro.csv.gz", Body=gzip.compress(f"{HEADER}\n{MORNING}".encode()))
    table = load(read_source("s3://data/in/metro.csv.gz"))
    assert table.data.source == "s3://data/in/metro.csv.gz"
    assert table.target.tolist() == [4516.0]
    with pytest.raises(DataError, match="no such object"):
        read_source("s3://data/other.csv")
    with pytest.raises(DataError, match="s3://bucket/key"):
        read_source("s3://data")
