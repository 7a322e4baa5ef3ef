"""The API as the command's client sees it: signatures, problems, curl."""

import json
import shlex
from pathlib import Path

import pytest

from cli.api import Api, curl, iam_signer, problem, signing_region

DEPLOYED = "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/prod"
BODY = {"instances": [{"place": "Gare de l'Est", "note": 'a "b" $HOME `ls`'}]}


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials from the environment alone, as a CI job has them."""
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the-secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "the-session")


@pytest.mark.parametrize(
    ("url", "region"),
    [
        (DEPLOYED, "eu-central-1"),
        ("https://x.execute-api.cn-north-1.amazonaws.com.cn/prod", "cn-north-1"),
        ("http://127.0.0.1:4566/restapis/x/local/_user_request_", None),
        ("https://models.example.org", None),
        ("https://x.execute-api.eu-central-1.amazonaws.com.evil.example", None),
        ("https://evil.example/.execute-api.eu-central-1.amazonaws.com", None),
    ],
)
def test_only_api_gateway_s_own_hosts_are_signed_for(url: str, region: str | None) -> None:
    """Signatures go to AWS alone: a host that merely looks alike gets none."""
    assert signing_region(url) == region


@pytest.mark.usefixtures("credentials")
def test_a_deployed_address_gets_a_signature_of_method_path_and_body() -> None:
    """The signature is SigV4 for execute-api, carries the session, never the secret, and covers the body."""
    sign = iam_signer(DEPLOYED)
    assert sign is not None
    headers = sign("POST", DEPLOYED + "/v1/models/m:predict", b"{}", {"Content-Type": "application/json"})
    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/eu-central-1/execute-api/aws4_request" in headers["Authorization"]
    assert headers["X-Amz-Security-Token"] == "the-session"
    assert headers["Content-Type"] == "application/json"
    assert "the-secret" not in str(headers)
    other = sign("POST", DEPLOYED + "/v1/models/m:predict", b"[]", {"X-Amz-Date": headers["X-Amz-Date"]})
    assert other["Authorization"].rpartition("=")[2] != headers["Authorization"].rpartition("=")[2]


@pytest.mark.usefixtures("credentials")
def test_other_addresses_get_no_signature() -> None:
    """The local stack and custom domains are called as they are."""
    assert iam_signer("http://127.0.0.1:4566/restapis/x/local/_user_request_") is None


@pytest.mark.usefixtures("credentials")
def test_without_credentials_a_deployed_address_is_called_unsigned(monkeypatch: pytest.MonkeyPatch) -> None:
    """An API may be open, or refuse: that is its answer to give."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert iam_signer(DEPLOYED) is None


def test_curl_says_what_the_shell_must_send() -> None:
    """Parsed as a shell does, the command has the address and exactly the body, quotes and all."""
    command = shlex.split(curl(Api("http://127.0.0.1:4566/x/"), "/v1/models/m:predict", BODY))
    assert command[0] == "curl"
    assert "http://127.0.0.1:4566/x/v1/models/m:predict" in command
    assert json.loads(command[command.index("-d") + 1]) == BODY


@pytest.mark.usefixtures("credentials")
def test_curl_for_a_signed_address_names_no_secret() -> None:
    """The printed command can be shared: it refers to the credentials by their variables."""
    command = curl(Api(DEPLOYED, iam_signer(DEPLOYED)), "/v1/models/m:predict", BODY)
    assert "aws:amz:eu-central-1:execute-api" in command
    assert "$AWS_SECRET_ACCESS_KEY" in command
    assert "the-secret" not in command


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"title": "Invalid record", "detail": "hour is too large", "status": 422}, "hour is too large"),
        ({"error": "unknown tensor"}, "unknown tensor"),
        ({"message": "Forbidden"}, "Forbidden"),
        ({"title": "Not found"}, "Not found"),
        (None, "no explanation"),
        ([1], "no explanation"),
    ],
)
def test_problems_of_every_dialect_are_read(document: object, text: str) -> None:
    """V1's problems, V2's errors, a gateway's messages and silence become one sentence with the status."""
    error = problem(422, document, "/v1/models/m:predict")
    assert error.detail.startswith("HTTP 422: ")
    assert text in error.detail
    assert error.http_status == 422


def test_places_of_a_problem_are_kept_and_malformed_ones_ignored() -> None:
    """Pointer and detail reach the person; what is no place is left out."""
    faults = {"detail": "x", "errors": [{"pointer": "/instances/0/hour", "detail": "too large"}, "nonsense"]}
    assert problem(422, faults, "/").errors == (("/instances/0/hour", "too large"),)
    assert problem(422, {"detail": "x", "errors": "nonsense"}, "/").errors == ()
