"""`maas score` and `maas redrive`: a whole file from a terminal, and files that are tried again."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from cli import deployment, predict
from cli.main import app
from maas.batch.event import Message
from maas.registry import Registry
from tests import tiny_model
from tests.conftest import MODELS_BUCKET

DATA = "data-for-tests"
HEADER = "id,timestamp,temperature,lanes,speeds"
ROWS = "".join(f'r{n},2026-03-01T08:00:00,{n},3,"[61, 58.5]"\n' for n in range(20))


def run(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def version(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> str:
    """A tiny model in production, its function in this checkout."""
    manifest, artifact = tiny_model.version()
    registry.publish(manifest, artifact)
    registry.promote("tiny", manifest.digest, actor="ci", reason="")
    contract = tiny_model.endpoint().contract
    monkeypatch.setattr(predict, "contract", lambda _: contract)
    monkeypatch.setattr("cli.score_file.contract", lambda _: contract)
    return manifest.version


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A file of twenty rows, one of them too hot and one of them torn."""
    file = tmp_path / "rows.csv"
    file.write_text(f"{HEADER}\n{ROWS}hot,2026-03-01T08:00:00,99,3,[1\ntorn\n")
    return file


def test_file_is_scored_here(version: str, table: Path, tmp_path: Path) -> None:
    """Scored rows in one file, rejected rows in another, figures on standard output."""
    code, out, _ = run("score", table, "--model", "tiny", "--out", tmp_path / "deep" / "out.csv", "--json")
    assert code == 0
    report = json.loads(out)
    assert (report["rows"], report["scored"], report["rejected"]) == (22, 20, 2)
    assert report["model_version"] == version
    lines = (tmp_path / "deep" / "out.csv").read_text().splitlines()
    assert lines[0] == f"{HEADER},volume"
    assert [line.split(",")[0] for line in lines[1:]] == [f"r{n}" for n in range(20)]
    rejects = (tmp_path / "deep" / "out.csv.rejects.jsonl").read_text().splitlines()
    assert [json.loads(reject)["line"] for reject in rejects] == [22, 23]


def test_file_stays_here_unless_it_is_sent(
    version: str, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stack that the environment names lends its version; the file is uploaded with --remote alone."""
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=DATA)
    outputs = {"ModelsBucket": {"Value": MODELS_BUCKET}, "DataBucket": {"Value": DATA}}
    body = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": outputs}
    boto3.client("cloudformation").create_stack(StackName="maas-prod", TemplateBody=json.dumps(body))
    monkeypatch.setenv("MAAS_STACK", "maas-prod")
    monkeypatch.delenv("MAAS_MODELS_BUCKET")
    code, out, _ = run("score", table, "-m", "tiny", "--version", version, "--out", tmp_path / "out.csv")
    assert code == 0
    assert f"tiny {version}" in out
    assert (tmp_path / "out.csv").exists()
    assert "Contents" not in s3.list_objects_v2(Bucket=DATA)


def test_result_is_named_after_the_file(version: str, table: Path) -> None:
    """Without --out it lies beside the file, and people read how many rows there were."""
    code, out, _ = run("score", table, "-m", "tiny")
    assert code == 0
    assert version in out
    assert "22 rows: 20 scored, 2 rejected" in out
    assert table.with_name("scored-rows.csv").exists()


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("rows.csv", "a,b\n1,2\n", "lacks timestamp"),
        ("rows.txt", "", "must end in"),
        ("rows.csv", "{}", "JSON"),
    ],
)
def test_file_that_cannot_be_scored_leaves_nothing_behind(
    version: str, tmp_path: Path, name: str, body: str, expected: str
) -> None:
    """The reason is printed, and there is no half result."""
    assert version
    file = tmp_path / name
    file.write_text(body)
    code, _, err = run("score", file, "-m", "tiny", "--out", tmp_path / "out.csv")
    assert code == 1
    assert expected in err
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_file_is_not_overwritten(version: str, table: Path) -> None:
    """The result never takes the place of what it was made from."""
    assert version
    assert run("score", table, "-m", "tiny", "--out", table)[0] == 2


@pytest.fixture
def stack(version: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The outputs of a stack that is buckets and queues."""
    assert version
    boto3.client("s3").create_bucket(Bucket=DATA)
    sqs = boto3.client("sqs")
    outputs = {
        "DataBucket": DATA,
        "BatchQueueUrl": sqs.create_queue(QueueName="queue")["QueueUrl"],
        "BatchDeadLetterQueueUrl": sqs.create_queue(QueueName="dead")["QueueUrl"],
    }
    found = deployment.Deployment(outputs, boto3.client)
    monkeypatch.setattr(deployment, "find", lambda _: found)
    return outputs


class Batch:
    """Stands where the batch function would: answers while the command waits."""

    def __init__(self, answer: str, **document: Any) -> None:
        self.answer, self.document = answer, document

    def __call__(self, _: float) -> None:
        s3 = boto3.client("s3")
        (dropped,) = s3.list_objects_v2(Bucket=DATA, Prefix="inbox/")["Contents"]
        out = f"outbox/{dropped['Key'].removeprefix('inbox/')}"
        etag = dropped["ETag"].strip('"')
        document = self.document | {"etag": etag, "input": {"etag": etag}}
        s3.put_object(Bucket=DATA, Key=out, Body=b"scored")
        s3.put_object(Bucket=DATA, Key=f"{out}.rejects.jsonl", Body=b"")
        s3.put_object(Bucket=DATA, Key=f"{out}.{self.answer}.json", Body=json.dumps(document).encode())


def test_file_is_scored_by_the_stack(
    stack: dict[str, str], table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file goes into the inbox, and what comes out is fetched."""
    assert stack
    figures = {"model_version": "v", "rows": 1, "scored": 1, "rejected": 0, "seconds": 1, "ignored": ["id"]}
    monkeypatch.setattr("cli.score_file.time.sleep", Batch("report", **figures))
    code, out, _ = run("score", table, "-m", "tiny", "--remote", "--out", tmp_path / "out.csv")
    assert code == 0
    assert "1 rows: 1 scored" in out
    assert (tmp_path / "out.csv").read_bytes() == b"scored"


def test_what_the_stack_cannot_score_is_explained(
    stack: dict[str, str], table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stack's own reason reaches the person."""
    assert stack
    batch = Batch("error", reason="the file is a picture", next_step="drop another one")
    monkeypatch.setattr("cli.score_file.time.sleep", batch)
    code, _, err = run("score", table, "-m", "tiny", "--remote")
    assert code == 1
    assert "a picture" in err


def test_redrive_sends_dead_letters_again(stack: dict[str, str]) -> None:
    """--list only shows them; without it they move, each once."""
    sqs = boto3.client("sqs")
    for name in ("a", "b"):
        sqs.send_message(
            QueueUrl=stack["BatchDeadLetterQueueUrl"],
            MessageBody=Message("redrive", DATA, f"inbox/tiny/{name}.csv", "e").body(),
            MessageAttributes={"reason": {"DataType": "String", "StringValue": f"reason {name}"}},
        )
    code, out, _ = run("redrive", "--most", "1")
    assert code == 0
    assert "1 sent again" in out
    assert "reason a" in out
    found = sqs.receive_message(QueueUrl=stack["BatchQueueUrl"], MaxNumberOfMessages=10)["Messages"]
    assert len(found) == 1
    code, out, _ = run("redrive", "--list", "--json")
    assert code == 0
    assert json.loads(out) == [{"file": "inbox/tiny/b.csv", "reason": "reason b"}]
    attributes = sqs.get_queue_attributes(QueueUrl=stack["BatchDeadLetterQueueUrl"], AttributeNames=["All"])
    assert attributes["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "1"
