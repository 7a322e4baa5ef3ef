"""Rows of files mean what the same records mean over HTTP."""

import csv
import io
import json
from base64 import b64decode, b64encode
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maas.batch.rows import Rows, score_rows
from maas.batch.scoring import MAX_ANSWER_BYTES, Block, Scorer
from maas.batch.table import Table, UnfitFile
from maas.contract import Columns
from maas.errors import FieldError, InvalidRecord, InvalidRequest, PayloadTooLarge
from tests import tiny_model
from tests.inbox_files import accepted

CONTRACT = tiny_model.endpoint().contract
SCORER = Scorer(CONTRACT)
HEADER = "id,timestamp,temperature,lanes,speeds,weather,rain,open,note"


def predict(columns: Columns) -> Columns:
    """The sum of all features: every field of a row shows in its prediction."""
    return {"volume": CONTRACT.matrix(columns).sum(axis=1).astype(float)}


def score(
    data: str | bytes, header: str = HEADER, *, kind: str = "csv", encoding: str = "utf-8"
) -> dict[str, Any]:
    raw = data.encode() if isinstance(data, str) else data
    block = Block.read(
        {
            "block": {
                "format": kind,
                "header": header if kind == "csv" else "",
                "data": b64encode(raw).decode(),
                "encoding": encoding,
                "line": 2,
                "version": "0" * 64,
            }
        }
    )
    answer = SCORER.score(block, predict)
    assert answer["rows"] == answer["scored"] + len(answer["rejects"])
    return {**answer, "text": b64decode(answer["data"]).decode()}


def reasons(answer: dict[str, Any]) -> list[tuple[int, str | None]]:
    return [(reject["line"], reject["field"]) for reject in answer["rejects"]]


NUMBERS = st.one_of(
    st.floats(-100, 100).map(lambda x: round(x, 3)),
    st.integers(-100, 100),
    st.sampled_from([None, 1e999, 2**70, "warm", "", "1_0", "nan"]),
)
RECORDS = st.fixed_dictionaries(
    {
        "timestamp": st.sampled_from(
            ["2026-03-01T08:00:00", "2026-02-30T08:00:00", "1969-12-31T23:59:59.5", "x"]
        ),
        "temperature": NUMBERS,
        "lanes": st.one_of(st.integers(-3, 15), NUMBERS),
        "speeds": st.lists(st.floats(0, 250).map(lambda x: round(x, 2)), max_size=3),
        "weather": st.sampled_from(["Clear", "Rain", "雪", "Hail", ""]),
        "rain": NUMBERS,
        "open": st.sampled_from([True, False]),
        "note": st.text('a,"\n;雪 ', max_size=22),
    }
)


def cell(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, list | bool) else str(value)


def meant(record: dict[str, Any]) -> dict[str, Any]:
    """The record that the cells of a row stand for: an empty one is a field that was left out."""
    kept = {name: value for name, value in record.items() if cell(value) != ""}
    return {
        name: int(value) if name == "lanes" and isinstance(value, float) and value.is_integer() else value
        for name, value in kept.items()
    }


@settings(deadline=None, max_examples=60)
@given(st.lists(RECORDS, max_size=12))
def test_rows_are_accepted_as_records_are(records: list[dict[str, Any]]) -> None:
    """CSV and JSON Lines accept what HTTP accepts, reject what it rejects, and predict the same."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    names = list(CONTRACT.fields)
    lines = []
    for record in records:
        lines.append(2 + out.getvalue().count("\n"))
        writer.writerow([cell(record[name]) for name in names])
    answer = score(out.getvalue(), ",".join(names))
    good = [accepted(meant(record)) for record in records]
    assert [reject["line"] for reject in answer["rejects"]] == [
        line for line, ok in zip(lines, good, strict=True) if not ok
    ]
    found = [float(row[-1]) for row in csv.reader(io.StringIO(answer["text"], newline=""))]
    kept = [meant(record) for record, ok in zip(records, good, strict=True) if ok]
    expected = predict(CONTRACT.parse(kept))["volume"] if kept else np.empty(0)
    assert found == expected.tolist()
    if kept:
        again = score("".join(json.dumps(record) + "\n" for record in kept), kind="jsonl")
        assert [json.loads(line)["volume"] for line in again["text"].splitlines()] == expected.tolist()


def test_rows_keep_their_cells() -> None:
    """Input columns come out as they went in, whatever is in them, predictions behind them."""
    row = 'a b,2026-03-01T08:00:00, 011.50 ,3.0,"[61, 58.5]",雪,,TRUE,"x ""y""\nz"\n'
    answer = score(row)
    assert answer["text"].startswith(row.removesuffix("\n") + ",")
    assert answer["header"] == f"{HEADER},volume"
    assert answer["ignored"] == ["id"]


@pytest.mark.parametrize(
    ("row", "line", "field"),
    [
        ('a,2026-13-01T08:00:00,1,3,"[1,2]",Clear,,true,', 2, "timestamp"),
        ('a,2026-03-01T08:00:00,99,3,"[1,2]",Clear,,true,', 2, "temperature"),
        ('a,2026-03-01T08:00:00,,3,"[1,2]",Clear,,true,', 2, "temperature"),
        ('a,2026-03-01T08:00:00,"1,2",3,"[1,2]",Clear,,true,', 2, "temperature"),
        ('a,2026-03-01T08:00:00,1,3.5,"[1,2]",Clear,,true,', 2, "lanes"),
        ('a,2026-03-01T08:00:00,1,99999999999999999999,"[1,2]",Clear,,true,', 2, "lanes"),
        ('a,2026-03-01T08:00:00,1,3,"[1,2,3]",Clear,,true,', 2, "speeds"),
        ('a,2026-03-01T08:00:00,1,3,"[1,300]",Clear,,true,', 2, "speeds/1"),
        ("a,2026-03-01T08:00:00,1,3,[1,Clear,,true,", 2, "speeds"),
        ('a,2026-03-01T08:00:00,1,3,"[1,2]",Hail,,true,', 2, "weather"),
        ('a,2026-03-01T08:00:00,1,3,"[1,2]",Clear,,maybe,', 2, "open"),
        ("a,2026-03-01T08:00:00", 2, None),
        ("\n\na,2026-03-01T08:00:00", 4, None),
        ('a,2026-03-01T08:00:00,1,3,"[1,2]",Clear,,true,,,', 2, None),
    ],
)
def test_bad_rows_are_named(row: str, line: int, field: str | None) -> None:
    """Line and field are told, and the good row beside is scored."""
    good = 'b,2026-03-01T08:00:00,1,3,"[1,2]",Clear,,true,\n'
    answer = score(f"{row}\n{good}")
    assert reasons(answer) == [(line, field)]
    assert answer["scored"] == 1
    assert answer["text"].startswith("b,")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_found(delimiter: str) -> None:
    """Spreadsheets of other countries write semicolons."""
    cells = ["2026-03-01T08:00:00", "1.5", "2", '"[1,2]"']
    answer = score(delimiter.join(cells), delimiter.join(["timestamp", " temperature ", "lanes", "speeds"]))
    assert answer["scored"] == 1
    assert answer["header"].count(delimiter) == 4


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("a,b", "lacks timestamp, temperature, lanes, speeds"),
        ("timestamp,lanes,speeds", "lacks temperature"),
        ("timestamp,temperature,lanes,speeds,lanes", "lanes twice"),
    ],
)
def test_header_that_does_not_fit_is_refused(header: str, reason: str) -> None:
    """A missing column concerns the file, not its rows."""
    with pytest.raises(UnfitFile, match=reason):
        score("1,2\n", header)


def test_prediction_never_hides_a_column() -> None:
    """Where the file has a column of the prediction's name, the prediction gets another one."""
    row = 'x,2026-03-01T08:00:00,1,3,"[1,2]"'
    answer = score(row, "volume,timestamp,temperature,lanes,speeds")
    assert answer["header"] == "volume,timestamp,temperature,lanes,speeds,predicted_volume"
    line = json.dumps(tiny_model.instance(volume=5))
    found = json.loads(score(line, kind="jsonl")["text"])
    assert found["volume"] == 5
    assert found["predicted_volume"] == pytest.approx(found["predicted_volume"])


@pytest.mark.parametrize(
    "line",
    [
        "{bad",
        "[1]",
        "3",
        "{}",
        '{"a": 1},{"a": 2}',
        '{"timestamp": "x',
        json.dumps(tiny_model.instance(lanes=0)),
    ],
)
def test_bad_json_lines_are_named(line: str) -> None:
    """One line is one record, and no line can hide in another."""
    good = json.dumps(tiny_model.instance())
    answer = score(f"{good}\n{line}\n{good}\n", kind="jsonl")
    assert [reject["line"] for reject in answer["rejects"]] == [3]
    assert answer["scored"] == 2


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_undecodable_rows_are_named(kind: str) -> None:
    """A row with a byte that is no text is rejected, also where it lies in a cell of several lines."""
    if kind == "csv":
        row = b',2026-03-01T08:00:00,1,3,"[1,2]",Clear,,true,'
        data = b"a" + row + b'"x\n\xff\ny"\nb' + row + b"\n"
    else:
        data = b'{"id": "\xff"}\n' + json.dumps(tiny_model.instance()).encode()
    answer = score(data, kind=kind)
    assert reasons(answer) == [(2, None)]
    assert answer["scored"] == 1


def test_gbk_comes_out_as_utf_8() -> None:
    """Text is decoded as the file has it."""
    row = '站,2026-03-01T08:00:00,1,3,"[1,2]",雪,,true,\n'
    assert score(row.encode("gb18030"), encoding="gb18030")["text"].startswith(row.removesuffix("\n"))


def test_rows_without_a_finite_answer_are_rejected() -> None:
    """Also where they are many: the others are scored."""
    bad = {7, *range(100, 400)}

    def picky(columns: Columns) -> Columns:
        chosen = columns["number"].tolist()
        wrong = [place for place, number in enumerate(chosen) if number in bad]
        if wrong:
            named = [FieldError(f"/instances/{place}", "volume is not finite") for place in wrong[:20]]
            raise InvalidRecord("no answer", errors=named)
        return {"volume": columns["number"] * 2.0}

    rows = Rows({"number": np.arange(500)}, range(2, 502), [str(n) for n in range(500)], [], 500)
    texts, answers, rejects = score_rows(rows, picky)
    good = [n for n in range(500) if n not in bad]
    assert texts == [str(n) for n in good]
    assert answers["volume"].tolist() == [2.0 * n for n in good]
    assert sorted(reject.line - 2 for reject in rejects) == sorted(bad)


def test_answer_that_lambda_would_not_let_through_is_refused() -> None:
    """The caller learns to send fewer rows."""
    row = f'{"x" * 1000},2026-03-01T08:00:00,1,3,"[1,2]",Clear,,true,\n'
    with pytest.raises(PayloadTooLarge, match="fewer rows"):
        score(row * (MAX_ANSWER_BYTES // 1000))


def test_no_block_is_an_error() -> None:
    """Anything else under that name is refused."""
    with pytest.raises(InvalidRequest):
        Block.read({"block": {"format": "xlsx"}})


def test_empty_block_tells_the_header() -> None:
    """A file with a header and no rows gets an output with a header and no rows."""
    table = Table(HEADER, CONTRACT)
    assert score("")["header"] == table.header()
    assert score("")["text"] == ""
