"""ObjectStore against moto: conditions, translated errors, retries."""

from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from moto.core import set_initial_no_auth_action_count
from mypy_boto3_s3.client import S3Client

from maas.errors import (
    AlreadyExists,
    ConfigurationError,
    Conflict,
    KeyMissing,
    MaasError,
    RegistryUnavailable,
)
from maas.s3_client import s3_client
from maas.store import ObjectStore
from tests.faults import BUCKET, Fault, FaultInjector, impatient, moto_bucket, new_client, scripted


@pytest.fixture
def client() -> Iterator[S3Client]:
    with moto_bucket() as client, impatient():
        yield client


@pytest.fixture
def store(client: S3Client) -> ObjectStore:
    return ObjectStore(BUCKET, client, pause=lambda _: None)


def test_what_was_put_is_read_back(store: ObjectStore) -> None:
    """An object comes back with its bytes and the entity tag that put returned."""
    etag = store.put("a/b", b"\x00bytes")
    assert (store.read("a/b").body, store.read("a/b").etag) == (b"\x00bytes", etag)


def test_unchanged_object_is_not_read_again(store: ObjectStore) -> None:
    """A conditional read gives None until the object changes."""
    etag = store.put("key", b"one")
    assert store.get("key", if_none_match=etag) is None
    store.put("key", b"two")
    found = store.get("key", if_none_match=etag)
    assert found is not None
    assert found.body == b"two"


def test_missing_object_is_named(store: ObjectStore) -> None:
    """KeyMissing says which object of which bucket."""
    with pytest.raises(KeyMissing, match="s3://models/absent"):
        store.get("absent")


def test_if_none_match_keeps_the_first_object(store: ObjectStore) -> None:
    """A second writer with other bytes is refused, with the same bytes it is not."""
    etag = store.put("key", b"first", if_none_match=True)
    assert store.put("key", b"first", if_none_match=True) == etag
    with pytest.raises(AlreadyExists):
        store.put("key", b"second", if_none_match=True)
    assert store.read("key").body == b"first"


def test_if_match_refuses_a_stale_tag(store: ObjectStore) -> None:
    """A compare-and-swap succeeds once per entity tag."""
    etag = store.put("key", b"one")
    store.put("key", b"two", if_match=etag)
    with pytest.raises(Conflict):
        store.put("key", b"three", if_match=etag)
    assert store.read("key").body == b"two"


def test_if_match_on_a_removed_object_is_a_conflict(store: ObjectStore, client: S3Client) -> None:
    """S3 answers 404 there; for the caller it is a lost race all the same."""
    etag = store.put("key", b"one")
    client.delete_object(Bucket=BUCKET, Key="key")
    with pytest.raises(Conflict):
        store.put("key", b"two", if_match=etag)


@pytest.mark.parametrize("condition", ["none", "if_none_match", "if_match"])
def test_lost_acknowledgement_is_no_conflict(store: ObjectStore, client: S3Client, condition: str) -> None:
    """botocore's retry meets the client's own first write; the write counts as done."""
    etag = store.put("key", b"old") if condition == "if_match" else None
    injector = FaultInjector(client, scripted({1: Fault.LOST}))
    with injector.shown():
        store.put("key", b"new", if_none_match=condition == "if_none_match", if_match=etag)
        assert store.read("key").body == b"new"
        assert [method for method, _, _ in injector.log][:2] == ["PUT", "PUT"]


def test_lost_acknowledgement_to_another_writer_is_a_conflict(store: ObjectStore, client: S3Client) -> None:
    """When another object is there after the retry, the write is not claimed."""
    other = ObjectStore(BUCKET, new_client())
    etag = store.put("key", b"old")
    FaultInjector(client, scripted({1: Fault.LOST}), then={1: lambda: other.put("key", b"theirs")})
    with pytest.raises(Conflict):
        store.put("key", b"ours", if_match=etag)


def test_busy_key_is_tried_again(store: ObjectStore, client: S3Client) -> None:
    """S3's 409 means repeat: botocore does not, the store does."""
    injector = FaultInjector(client, scripted({1: Fault.BUSY, 2: Fault.BUSY}))
    store.put("key", b"x", if_none_match=True)
    assert [fault for _, _, fault in injector.log] == [Fault.BUSY, Fault.BUSY, Fault.NONE]


def test_key_that_stays_busy_is_given_up(store: ObjectStore, client: S3Client) -> None:
    """The number of attempts is bounded."""
    injector = FaultInjector(client, lambda _: Fault.BUSY)
    with pytest.raises(RegistryUnavailable, match="busy"):
        store.put("key", b"x", if_none_match=True)
    assert len(injector.log) == 6


@pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.TIMEOUT, Fault.LOST])
def test_passing_fault_is_not_noticed(store: ObjectStore, client: S3Client, fault: Fault) -> None:
    """botocore's own retries bridge three bad answers in a row."""
    store.put("key", b"x")
    injector = FaultInjector(client, scripted(dict.fromkeys((1, 2, 3), fault)))
    assert store.read("key").body == b"x"
    assert len(injector.log) == 4


@pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.TIMEOUT, Fault.LOST])
@pytest.mark.parametrize("call", ["get", "put", "list", "folders"])
def test_lasting_fault_says_what_to_do(store: ObjectStore, client: S3Client, fault: Fault, call: str) -> None:
    """RegistryUnavailable comes after four attempts, and says to try again."""
    injector = FaultInjector(client, lambda _: fault)
    calls = {
        "get": lambda: store.get("k/"),
        "put": lambda: store.put("k/", b""),
        "list": lambda: list(store.list("k/")),
        "folders": lambda: list(store.folders("k/")),
    }
    with pytest.raises(RegistryUnavailable, match="try again"):
        calls[call]()
    assert len(injector.log) == 4


def test_body_that_breaks_off_is_read_again(store: ObjectStore, client: S3Client) -> None:
    """botocore does not retry a body; the store does, a few times."""
    store.put("key", bytes(1000))
    FaultInjector(client, scripted({1: Fault.TORN, 2: Fault.TORN}))
    assert store.read("key").body == bytes(1000)


def test_body_that_keeps_breaking_off_is_given_up(store: ObjectStore, client: S3Client) -> None:
    """Torn bytes are never returned."""
    store.put("key", bytes(1000))
    FaultInjector(client, lambda _: Fault.TORN)
    with pytest.raises(RegistryUnavailable, match="IncompleteReadError"):
        store.read("key")


def test_missing_bucket_is_a_configuration_error(client: S3Client) -> None:
    """A wrong bucket name is not mistaken for a missing object."""
    store = ObjectStore("no-such-bucket", client)
    for call in (lambda: store.get("key"), lambda: store.put("key", b""), lambda: list(store.list(""))):
        with pytest.raises(ConfigurationError, match="no-such-bucket does not exist"):
            call()


@set_initial_no_auth_action_count(3)
def test_denied_action_is_named() -> None:
    """A user without permissions learns which action on which key to grant, a stranger to renew the keys."""
    with moto_bucket() as client:
        iam = boto3.client("iam", region_name="us-east-1")
        iam.create_user(UserName="reader")
        keys = iam.create_access_key(UserName="reader")["AccessKey"]
        # Those were the three free actions; from here on moto checks keys and permissions.
        reader = boto3.client(
            "s3",
            region_name="us-east-1",
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
        )
        with pytest.raises(
            ConfigurationError, match="s3:GetObject on s3://models/secret is denied: grant it"
        ):
            ObjectStore(BUCKET, reader).get("secret")
        with pytest.raises(ConfigurationError, match="credentials are not accepted"):
            ObjectStore(BUCKET, client).get("secret")


@pytest.mark.parametrize(
    ("there", "kind"), [(["key/other"], KeyMissing), (["key", "key/other"], ConfigurationError)]
)
def test_hidden_missing_object_is_found_out_by_listing(there: list[str], kind: type[MaasError]) -> None:
    """A role that may list one prefix gets 403 for what is not there: it is reported as missing."""

    class PrefixOnly:
        def get_object(self, **_: object) -> None:
            answer = {"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
            raise ClientError(answer, "GetObject")

        def get_paginator(self, _: str) -> "PrefixOnly":
            return self

        def paginate(self, **_: object) -> list[dict[str, object]]:
            return [{"Contents": [{"Key": key} for key in there]}]

    with pytest.raises(kind):
        ObjectStore(BUCKET, PrefixOnly()).get("key")


@pytest.mark.parametrize(
    ("status", "code", "kind", "text"),
    [
        (400, "ExpiredToken", ConfigurationError, "renew them"),
        (400, "RequestTimeout", RegistryUnavailable, "try again"),
        (500, "InternalError", RegistryUnavailable, "try again"),
        (301, "PermanentRedirect", ConfigurationError, "301 PermanentRedirect"),
    ],
)
def test_answers_are_translated(status: int, code: str, kind: type[MaasError], text: str) -> None:
    """Every kind of refusal becomes an error that says what to do, with the cause kept."""

    class Refusing:
        def get_object(self, **_: object) -> None:
            answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
            raise ClientError(answer, "GetObject")

    with pytest.raises(kind, match=text) as caught:
        ObjectStore(BUCKET, Refusing()).get("key")
    assert isinstance(caught.value.__cause__, ClientError)


def test_missing_credentials_are_a_configuration_error() -> None:
    """What botocore cannot even send is the environment's fault, not S3's."""

    class Keyless:
        def get_object(self, **_: object) -> None:
            raise NoCredentialsError

    with pytest.raises(ConfigurationError, match="Unable to locate credentials"):
        ObjectStore(BUCKET, Keyless()).get("key")


def test_list_goes_on_after_a_full_page(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """More keys than fit on one page come back all, once, in order, and only those under the prefix."""
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
    keys = [f"folder{number}/key" for number in range(8)]
    for key in reversed([*keys, "else/where", "folder"]):
        store.put(key, b"")
    assert list(store.list("folder")) == ["folder", *keys]
    assert list(store.folders("")) == ["else", *(key.removesuffix("/key") for key in keys)]


def test_factory_is_called_once_until_renewed(client: S3Client) -> None:
    """The client is made on first use, kept, and made anew after renew()."""
    made = []
    store = ObjectStore(BUCKET, lambda: made.append(1) or client)
    assert made == []
    store.put("a", b"")
    store.put("b", b"")
    assert len(made) == 1
    store.renew()
    store.read("a")
    assert len(made) == 2


def test_client_gives_up_early(client: S3Client) -> None:
    """The timeouts and attempts leave room for an answer within one request."""
    config = client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (2, 10)
    assert config.retries == {"mode": "standard", "total_max_attempts": 4}


def test_client_follows_the_endpoint_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS_ENDPOINT_URL points a client at an emulator."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert s3_client().meta.endpoint_url == "http://127.0.0.1:4566"


def test_unusable_environment_is_a_configuration_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile that does not exist is reported as such."""
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    with pytest.raises(ConfigurationError, match="no-such-profile"):
        s3_client()
