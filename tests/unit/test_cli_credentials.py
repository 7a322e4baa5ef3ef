"""What the command shows an API about who calls, and what it never shows to whom."""

import os
import stat
from pathlib import Path

import pytest

from cli.credentials import Credentials, confidential, signing_region
from cli.failure import CommandError
from cli.logins import Logins

DEPLOYED = "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/prod"
LOCAL = "http://127.0.0.1:4566/restapis/x/local/_user_request_"
PREDICT = DEPLOYED + "/v1/models/m:predict"

pytestmark = pytest.mark.usefixtures("aws_credentials")


@pytest.mark.parametrize(
    ("url", "region"),
    [
        (DEPLOYED, "eu-central-1"),
        ("https://x.execute-api.cn-north-1.amazonaws.com.cn/prod", "cn-north-1"),
        (LOCAL, None),
        ("https://models.example.org", None),
        ("https://x.execute-api.eu-central-1.amazonaws.com.evil.example", None),
        ("https://evil.example/.execute-api.eu-central-1.amazonaws.com", None),
    ],
)
def test_only_api_gateway_s_own_hosts_are_signed_for(url: str, region: str | None) -> None:
    """Signatures go to AWS alone: a host that merely looks alike gets none."""
    assert signing_region(url) == region
    signed = "Authorization" in Credentials.find(url).headers("GET", url, b"", {})
    assert signed is (region is not None)


def test_a_signature_covers_method_path_and_body() -> None:
    """It is SigV4 for execute-api, carries the session, never the secret, and changes with the body."""
    shown = Credentials.find(DEPLOYED)
    headers = shown.headers("POST", PREDICT, b"{}", {"Content-Type": "application/json"})
    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/eu-central-1/execute-api/aws4_request" in headers["Authorization"]
    assert headers["X-Amz-Security-Token"] == "the-session"
    assert headers["Content-Type"] == "application/json"
    assert "the-secret" not in str(headers)
    other = shown.headers("POST", PREDICT, b"[]", {"X-Amz-Date": headers["X-Amz-Date"]})
    assert other["Authorization"].rpartition("=")[2] != headers["Authorization"].rpartition("=")[2]


def test_without_aws_credentials_a_request_is_not_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An API may be open, or refuse: that is its answer to give."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert Credentials.find(DEPLOYED).headers("GET", DEPLOYED, b"", {}) == {}


def test_a_custom_domain_is_signed_for_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """MAAS_SIGNING_REGION says that a host whose name does not tell is API Gateway's."""
    monkeypatch.setenv("MAAS_SIGNING_REGION", "eu-west-1")
    url = "https://models.example.org"
    headers = Credentials.find(url).headers("GET", f"{url}/v2", b"", {})
    assert "/eu-west-1/execute-api/aws4_request" in headers["Authorization"]


def test_a_token_comes_before_a_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever names a token means it; the API key goes along with either, under the signature."""
    monkeypatch.setenv("MAAS_API_KEY", "the-key")
    signed = Credentials.find(DEPLOYED).headers("GET", DEPLOYED, b"", {})
    assert "x-api-key" in signed["Authorization"]
    monkeypatch.setenv("MAAS_TOKEN", "the-token")
    headers = Credentials.find(DEPLOYED).headers("GET", DEPLOYED, b"", {})
    assert headers == {"Authorization": "Bearer the-token", "x-api-key": "the-key"}


@pytest.mark.parametrize("name", ["MAAS_TOKEN", "MAAS_API_KEY"])
def test_secrets_do_not_travel_in_the_clear(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over plain HTTP tokens and keys go to this machine only."""
    monkeypatch.setenv(name, "the-secret")
    assert Credentials.find(LOCAL).headers("GET", LOCAL, b"", {})
    for url in ("http://models.example.org", "http://127.0.0.1.evil.example/"):
        assert not confidential(url)
        with pytest.raises(CommandError, match="in the clear"):
            Credentials.find(url)


def test_curl_names_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """The arguments for curl refer to the secrets by their variables."""
    monkeypatch.setenv("MAAS_API_KEY", "the-key")
    signed = " ".join(Credentials.find(DEPLOYED).curl())
    assert "aws:amz:eu-central-1:execute-api" in signed
    assert "$MAAS_API_KEY" in signed
    monkeypatch.setenv("MAAS_TOKEN", "the-token")
    token = " ".join(Credentials.find(DEPLOYED).curl())
    assert "Bearer $MAAS_TOKEN" in token
    assert not {"the-key", "the-token", "the-secret"} & set(signed.split() + token.split())


def test_a_login_is_kept_for_its_address_until_it_expires(tmp_path: Path) -> None:
    """Another address gets nothing, and neither does anybody after its time."""
    logins = Logins(tmp_path / "deep" / "logins.json")
    logins.keep(DEPLOYED + "/", "one", 3600)
    logins.keep("https://other.example", "two", 10)
    assert logins.token(DEPLOYED) == "one"
    assert logins.token("https://other.example") is None  # too close to its end
    assert logins.token(DEPLOYED + "/v1") is None
    assert logins.forget(DEPLOYED)
    assert not logins.forget(DEPLOYED)
    assert logins.token(DEPLOYED) is None


def test_a_login_is_for_its_owner_s_eyes(tmp_path: Path) -> None:
    """Nobody else may read the file or its folder, whatever the umask says."""
    before = os.umask(0)
    try:
        logins = Logins(tmp_path / "config" / "logins.json")
        logins.keep(DEPLOYED, "one", 3600)
        logins.keep(DEPLOYED, "two", 3600)
    finally:
        os.umask(before)
    assert stat.S_IMODE(logins.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(logins.file.parent.stat().st_mode) == 0o700
    assert [file.name for file in logins.file.parent.iterdir()] == ["logins.json"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"https://x": 3}', '{"https://x": {"expires": 9e9, "token": 1}}']
)
def test_a_damaged_file_is_no_login(tmp_path: Path, text: str) -> None:
    """What is not a login is none, and the next login writes over it."""
    logins = Logins(tmp_path / "logins.json")
    logins.file.write_text(text)
    assert logins.token("https://x") is None
    logins.keep("https://x", "one", 3600)
    assert logins.token("https://x") == "one"


def test_a_login_is_found(tmp_path: Path) -> None:
    """What `maas login` kept is what other commands send."""
    Logins.of_this_user().keep(DEPLOYED, "kept", 3600)
    assert (tmp_path / "config" / "maas" / "logins.json").is_file()
    assert Credentials.find(DEPLOYED).token == "kept"
