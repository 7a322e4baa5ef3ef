"""Whatever is asked of any model, nothing of it is in the log: neither bodies nor names of people."""

import gzip
import json
from typing import Any

import boto3
import pytest

from maas.capture import sampler
from maas.masking import sensitive
from tests.contract.conftest import ServedModel
from tests.contract.records import choices, example
from tests.watched import DATA_BUCKET, SECRET

PLANTED = "PlantedNameOfAPerson"
NUMBER = 37.712345678


def planted(served: ServedModel) -> list[dict[str, Any]]:
    """Records of the model with planted values wherever the contract lets them be, and where it does not."""
    contract = served.endpoint.contract
    good = example(contract)
    records: list[dict[str, Any]] = [good, {**good, PLANTED: 1}]
    for field in contract.fields.values():
        value: Any = PLANTED if field.kind == "text" else NUMBER
        records.append({**good, field.name: value})
        if field.kind == "text" and not choices(field):
            records.append({**good, field.name: f"{PLANTED} was here, and was not amused by {NUMBER}"})
    return records


def test_nothing_of_a_request_is_logged_or_kept_unmasked(
    served: ServedModel, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Good and bad records, both dialects, feedback, a subject: logs hold none, captures what may stay."""
    client = boto3.client("s3")
    if DATA_BUCKET not in [one["Name"] for one in client.list_buckets()["Buckets"]]:
        client.create_bucket(Bucket=DATA_BUCKET)
        boto3.client("secretsmanager").create_secret(Name=SECRET, SecretString="key")
    monkeypatch.setenv("MAAS_DATA_BUCKET", DATA_BUCKET)
    monkeypatch.setenv("MAAS_CAPTURE_RATE", "1")
    monkeypatch.setenv("MAAS_CAPTURE_KEY", SECRET)
    monkeypatch.setattr(sampler, "impatient_client", lambda: client)
    handler = served.endpoint
    for name in ("sampler", "settings", "predictor", "data_store"):
        vars(handler).pop(name, None)
    headers = {"Content-Type": "application/json", "X-Subject": PLANTED}
    v1, v2 = f"/v1/models/{handler.name}", f"/v2/models/{handler.name}/infer"
    statuses = set()
    for record in planted(served):
        body = json.dumps({"instances": [record]})
        statuses.add(served.call("POST", f"{v1}:predict", body, headers).status)
        tensors = [
            {"name": name, "shape": [1], "datatype": "BYTES", "data": [str(value)]}
            for name, value in record.items()
        ]
        statuses.add(served.call("POST", v2, json.dumps({"inputs": tensors}), headers).status)
    for outcome in (PLANTED, NUMBER, {PLANTED: PLANTED}):
        item = json.dumps({"feedback": [{"id": "a/0", "outcome": outcome}]})
        statuses.add(served.call("POST", f"{v1}:feedback", item, headers).status)
    statuses.add(served.call("POST", f"{v1}/versions/{PLANTED}:predict", "{}", headers).status)
    statuses.add(served.call("GET", f"{v1}/{PLANTED}", None, headers).status)
    handler.afterwards.drain()
    assert handler.sampler is not None
    handler.sampler.flush()
    assert 200 in statuses
    assert max(statuses) < 500
    captured = capsys.readouterr()
    logged = captured.out + captured.err
    assert logged.count('"message":"request"') > 5
    assert PLANTED not in logged
    assert str(NUMBER) not in logged
    kept = _kept(client, f"captures/{handler.name}/")
    assert kept
    assert not [one for one in kept if PLANTED in json.dumps({**one, "instance": {}, "prediction": {}})]
    secret = set(sensitive(handler.contract))
    for one in kept:
        assert not secret & set(one["instance"])


def _kept(client: Any, prefix: str) -> list[dict[str, Any]]:
    keys = [
        one["Key"] for one in client.list_objects_v2(Bucket=DATA_BUCKET, Prefix=prefix).get("Contents", [])
    ]
    bodies = [client.get_object(Bucket=DATA_BUCKET, Key=key)["Body"].read() for key in keys]
    return [json.loads(line) for body in bodies for line in gzip.decompress(body).splitlines()]
