"""Our signatures are botocore's."""

from datetime import UTC, datetime
from unittest import mock
from urllib.parse import quote

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from maas.credentials import Credentials
from maas.sigv4 import signed

NOW = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)


@given(
    key=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40),
    secret=st.text("abcXYZ019+/", min_size=1, max_size=40),
    token=st.none() | st.text("abc+/=", min_size=1, max_size=60),
    host=st.sampled_from(["models.s3.eu-west-1.amazonaws.com", "127.0.0.1:4566"]),
)
def test_the_signature_is_the_one_botocore_makes(key: str, secret: str, token: str | None, host: str) -> None:
    """For any key of an object, with and without a session token, both signers agree."""
    path = "/" + quote(key, safe="/~")
    ours = signed(
        "GET", host, path, region="eu-west-1", credentials=Credentials("AKID", secret, token), now=NOW
    )
    request = AWSRequest(method="GET", url=f"https://{host}{path}", headers={"host": host})
    with mock.patch.object(botocore.auth, "get_current_datetime", return_value=NOW.replace(tzinfo=None)):
        botocore.auth.S3SigV4Auth(BotocoreCredentials("AKID", secret, token), "s3", "eu-west-1").add_auth(
            request
        )
    assert ours["authorization"] == request.headers["Authorization"]
