"""The API as the command's client sees it: problems, curl."""

import json
import shlex

import pytest

from cli.api import Api, curl, problem
from cli.credentials import Credentials
from maas.errors import FieldError

DEPLOYED = "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/prod"
BODY = {"instances": [{"place": "Gare de l'Est", "note": 'a "b" $HOME `ls`'}]}


def test_curl_says_what_the_shell_must_send() -> None:
    """Parsed as a shell does, the command has the address and exactly the body, quotes and all."""
    command = shlex.split(curl(Api("http://127.0.0.1:4566/x/"), "/v1/models/m:predict", BODY))
    assert command[0] == "curl"
    assert "http://127.0.0.1:4566/x/v1/models/m:predict" in command
    assert json.loads(command[command.index("-d") + 1]) == BODY


@pytest.mark.usefixtures("aws_credentials")
def test_curl_for_a_signed_address_names_no_secret() -> None:
    """The printed command can be shared: it refers to the credentials by their variables."""
    command = curl(Api(DEPLOYED, Credentials.find(DEPLOYED)), "/v1/models/m:predict", BODY)
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
    assert problem(422, faults, "/").errors == (FieldError("/instances/0/hour", "too large"),)
    assert problem(422, {"detail": "x", "errors": "nonsense"}, "/").errors == ()
