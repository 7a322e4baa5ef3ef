"""How a request to the API shows who sends it: a signature, a token, an API key, or nothing.

Read from where a person or a pipeline keeps such things: the AWS credential chain, `maas login`, and the
environment variables MAAS_TOKEN, MAAS_API_KEY and MAAS_SIGNING_REGION.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from cli.failure import CommandError

if TYPE_CHECKING:
    from botocore.credentials import Credentials as AwsCredentials

# `<api id>.execute-api.<region>.amazonaws.com[.cn]`: API Gateway's own host names, which take IAM signatures.
EXECUTE_API = re.compile(r"^[a-z0-9-]+\.execute-api\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?$")
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class Credentials:
    """What one address is shown.

    Attributes:
        region: The region to sign for, where requests are signed.
        aws: The AWS credentials to sign with.
        token: A bearer token, where tokens are used.
        api_key: An API key, on top of either.
    """

    region: str | None = None
    aws: "AwsCredentials | None" = None
    token: str | None = None
    api_key: str | None = None

    @classmethod
    def find(cls, url: str, environ: Mapping[str, str] = os.environ) -> Self:
        """What there is to show to an address.

        A token beats a signature. Only API Gateway's own hosts are signed for, or whatever host is called
        while MAAS_SIGNING_REGION is set: a custom domain, an emulator.

        Raises:
            CommandError: A token or a key would travel in the clear.
        """
        from cli.logins import Logins

        token = environ.get("MAAS_TOKEN") or Logins.of_this_user().token(url)
        api_key = environ.get("MAAS_API_KEY") or None
        if (token or api_key) and not confidential(url):
            raise CommandError(
                f"A token or an API key would travel to {url} in the clear.", next_step="use https://."
            )
        if token:
            return cls(token=token, api_key=api_key)
        region = environ.get("MAAS_SIGNING_REGION") or signing_region(url)
        found = _aws_credentials() if region else None
        return cls(region=region if found else None, aws=found, api_key=api_key)

    def headers(self, method: str, address: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers of a request, with what shows who sends it."""
        shown = dict(headers)
        if self.api_key:
            shown["x-api-key"] = self.api_key
        if self.token:
            return shown | {"Authorization": f"Bearer {self.token}"}
        if self.region and self.aws:
            from botocore.auth import SigV4Auth
            from botocore.awsrequest import AWSRequest

            request = AWSRequest(method=method, url=address, data=body, headers=shown)
            SigV4Auth(self.aws.get_frozen_credentials(), "execute-api", self.region).add_auth(request)
            return dict(request.headers.items())
        return shown

    def curl(self) -> list[str]:
        """The same as arguments for curl, quoted for a shell.

        Names, not values: the shell fills them in, and the printed line can be shared.
        """
        arguments = ["-H", '"x-api-key: $MAAS_API_KEY"'] if self.api_key else []
        if self.token:
            return [*arguments, "-H", '"Authorization: Bearer $MAAS_TOKEN"']
        if self.region:
            arguments += ["--aws-sigv4", f"aws:amz:{self.region}:execute-api"]
            arguments += ["--user", '"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"']
            arguments += ["-H", '"x-amz-security-token: $AWS_SESSION_TOKEN"']
        return arguments


def signing_region(url: str) -> str | None:
    """The region to sign for, or None where the host is not API Gateway's own."""
    found = EXECUTE_API.match(urlsplit(url).hostname or "")
    return found["region"] if found else None


def confidential(url: str) -> bool:
    """Whether what is sent to an address stays between the two ends: TLS, or this very machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in LOOPBACK


def _aws_credentials() -> "AwsCredentials | None":
    """The ordinary chain: environment, profile, container, instance."""
    import botocore.session

    return botocore.session.get_session().get_credentials()
