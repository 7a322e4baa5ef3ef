"""Reading without boto3: whole and in ranges, through whatever the network does."""

import random
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from json import dumps
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer

from maas import s3_reader
from maas.credentials import Credentials, provider
from maas.errors import AlreadyExists, KeyMissing, RegistryUnavailable
from maas.s3_client import s3_client
from maas.s3_errors import Denied, NotModified
from maas.s3_reader import Reader
from maas.settings import AwsSettings
from maas.store import ObjectStore
from tests.s3_server import Bucket, served

KEYS = Credentials("AKID", "secret")
LARGE = random.Random(1).randbytes(100_000)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """A bucket with a small, a large and an empty object; ranges have ten thousand bytes."""
    monkeypatch.setattr(s3_reader, "_RANGE", 10_000)
    with served(Bucket({"/b/small": b"abc", "/b/large": LARGE, "/b/empty": b""})) as bucket:
        yield bucket


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    """What is put here ends with the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def reader(bucket: Bucket) -> Iterator[Reader]:
    """A reader of the bucket that does not wait between attempts."""
    made = Reader("b", "eu-west-1", lambda: KEYS, address=bucket.address, pause=lambda _: None)
    yield made
    made.close()


@pytest.mark.parametrize(("key", "body"), [("small", b"abc"), ("large", LARGE), ("empty", b"")])
def test_objects_of_any_size_arrive_whole(reader: Reader, bucket: Bucket, key: str, body: bytes) -> None:
    """Small ones in one request, large ones in ranges, all with their entity tag."""
    found = reader.get(key)
    assert found.body == body
    assert found.etag == bucket.etag(f"/b/{key}")
    assert len(bucket.requests) == max(1, -(-len(body) // 10_000))


def test_a_connection_is_kept(reader: Reader, bucket: Bucket) -> None:
    """A second object comes over the first one's connection."""
    for _ in range(5):
        reader.get("small")
    assert bucket.connections == 1


def test_a_large_object_is_read_by_several_connections(reader: Reader, bucket: Bucket) -> None:
    """S3 limits each connection: the ranges go over several, and all name the version that was begun."""
    reader.get("large")
    assert 1 < bucket.connections <= s3_reader._CONNECTIONS + 1
    assert {headers.get("If-Match") for _, headers in bucket.requests[1:]} == {bucket.etag("/b/large")}


def test_filling_tells_how_far_it_is(reader: Reader) -> None:
    """What is there grows from the start on, so that it can be hashed meanwhile."""
    target = bytearray(len(LARGE))
    ends = list(reader.fill("large", memoryview(target)))
    assert ends == [*range(10_000, len(LARGE), 10_000), len(LARGE)]
    assert bytes(target) == LARGE


def test_filling_refuses_another_size(reader: Reader) -> None:
    """A place that is too small or too large is a fault, not a shorter object."""
    for size in (len(LARGE) - 1, len(LARGE) + 1):
        with pytest.raises(RegistryUnavailable):
            list(reader.fill("large", memoryview(bytearray(size))))


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(faults=st.lists(st.sampled_from(["", "503", "close", "cut"]), max_size=3))
def test_three_faults_in_a_row_are_survived(reader: Reader, bucket: Bucket, faults: list[str]) -> None:
    """Whatever goes wrong thrice, the fourth attempt brings every byte."""
    bucket.misbehave[:] = faults
    assert reader.get("large").body == LARGE


@pytest.mark.parametrize("fault", ["503", "close", "cut"])
def test_a_lasting_fault_is_reported(reader: Reader, bucket: Bucket, fault: str) -> None:
    """After four attempts the registry counts as unavailable."""
    bucket.misbehave[:] = [fault] * 50
    with pytest.raises(RegistryUnavailable):
        reader.get("small")
    assert len(bucket.requests) == 4


def test_an_object_replaced_meanwhile_is_never_mixed(
    reader: Reader, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the object changes between two ranges, the read fails instead of joining two versions."""
    first = reader._answered

    def replaced(*given: Any) -> Any:
        part = first(*given)
        bucket.objects["/b/large"] = LARGE[::-1]
        return part

    monkeypatch.setattr(reader, "_answered", replaced)
    with pytest.raises(AlreadyExists):  # 412: not the object that was begun
        reader.get("large")


def test_answers_have_their_meaning(reader: Reader, bucket: Bucket) -> None:
    """Not modified, missing and denied are told apart, and none of them is repeated."""
    with pytest.raises(NotModified):
        reader.get("small", if_none_match=bucket.etag("/b/small"))
    with pytest.raises(KeyMissing):
        reader.get("nothing")
    bucket.misbehave.append("403")
    with pytest.raises(Denied):
        reader.get("small")
    assert len(bucket.requests) == 3


def test_a_dead_connection_is_replaced(reader: Reader, bucket: Bucket) -> None:
    """A server that closed idle connections, as S3 does, costs one repetition and no error."""
    reader.get("large")
    bucket.misbehave.append("close")
    assert reader.get("small").body == b"abc"


def test_the_store_reads_as_with_boto3(monkeypatch: pytest.MonkeyPatch, closing: ExitStack) -> None:
    """Against a real server of moto both ways give the same objects, tags and errors."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        address = f"http://{host}:{port}"
        client = s3_client(region_name="us-east-1", endpoint_url=address)
        client.create_bucket(Bucket="models")
        by_client = ObjectStore("models", client)
        direct = Reader("models", "us-east-1", lambda: KEYS, address=address)
        by_reader = ObjectStore("models", client, reader=direct)
        closing.callback(by_reader.renew)
        etag = by_client.put("models/größe ä+b.json", b"{}")
        for store in (by_client, by_reader):
            assert store.read("models/größe ä+b.json").body == b"{}"
            assert store.get("models/größe ä+b.json", if_none_match=etag) is None
            assert store.read("models/größe ä+b.json").etag == etag
            with pytest.raises(KeyMissing):
                store.read("nothing")
    finally:
        server.stop()


def test_credentials_of_a_restored_function_come_from_its_own_address(bucket: Bucket) -> None:
    """Keys come from the container's address, with its authorization, and anew before they expire."""
    moment = datetime.now(UTC)
    answers = [
        dumps({"AccessKeyId": name, "SecretAccessKey": "s", "Token": "t", "Expiration": when.isoformat()})
        for name, when in (("soon", moment + timedelta(minutes=1)), ("later", moment + timedelta(hours=1)))
    ]
    settings = AwsSettings(container_address=f"{bucket.address}/keys", container_authorization="secret")
    give = provider(settings)
    assert give is not None
    names = []
    for answer in (answers[0], answers[1], "not asked for"):
        bucket.objects["/keys"] = answer.encode()
        names.append(give().access_key)
    assert names == ["soon", "later", "later"]
    assert bucket.requests[0][1]["Authorization"] == "secret"
    assert provider(AwsSettings()) is None


def test_outside_of_lambda_boto3_reads() -> None:
    """A laptop's credentials are boto3's matter; in Lambda the function's own keys are used."""
    inside = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001", "AWS_REGION": "eu-west-1"}
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    assert Reader.of("b", AwsSettings.from_environment(keys | {"AWS_REGION": "eu-west-1"})) is None
    assert Reader.of("b", AwsSettings.from_environment(inside)) is None
    assert Reader.of("b", AwsSettings.from_environment(inside | keys)) is not None


def test_buckets_have_their_own_host() -> None:
    """Without an emulator a bucket is a host name of its region, in China one of China's."""
    assert s3_reader.Endpoint.of("b", "eu-west-1") == ("https", "b.s3.eu-west-1.amazonaws.com", "/")
    assert s3_reader.Endpoint.of("b", "cn-north-1").host == "b.s3.cn-north-1.amazonaws.com.cn"
