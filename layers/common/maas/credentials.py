"""Credentials as Lambda hands them out: in the environment, or from its own address after a restore.

The rest of boto3's chain (profiles, files, metadata of an instance) is boto3's: whoever has none of these
two uses boto3.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from urllib.parse import urlsplit

from maas.errors import ConfigurationError, RegistryUnavailable
from maas.settings import AwsSettings

_EARLY = timedelta(minutes=5)  # renewed so long before they expire
_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """Keys that sign requests; `expires` is None where they last as long as this process."""

    access_key: str
    secret_key: str
    token: str | None = None
    expires: datetime | None = None


def provider(settings: AwsSettings) -> Callable[[], Credentials] | None:
    """What gives the credentials of a function, or None where the environment names no such source."""
    if settings.access_key and settings.secret_key:
        found = Credentials(settings.access_key, settings.secret_key, settings.token or None)
        return lambda: found
    if settings.container_address:
        return _Container(settings.container_address, settings.container_authorization)
    return None


class _Container:
    """Credentials from an address on this machine; a function restored from a snapshot has no others."""

    def __init__(self, address: str, authorization: str) -> None:
        self._address = urlsplit(address)
        self._authorization = authorization
        self._held: Credentials | None = None
        self._lock = Lock()

    def __call__(self) -> Credentials:
        with self._lock:
            held = self._held
            if held is None or (held.expires is not None and datetime.now(UTC) > held.expires - _EARLY):
                held = self._held = self._ask()
            return held

    def _ask(self) -> Credentials:
        from http.client import HTTPConnection, HTTPException

        if self._address.scheme != "http" or self._address.hostname is None:
            raise ConfigurationError("the address of the container's credentials is no http:// address")
        connection = HTTPConnection(
            self._address.hostname, self._address.port or 80, timeout=_TIMEOUT_SECONDS
        )
        try:
            headers = {"Authorization": self._authorization} if self._authorization else {}
            connection.request("GET", self._address.path or "/", headers=headers)
            document = json.loads(connection.getresponse().read())
            return Credentials(
                document["AccessKeyId"],
                document["SecretAccessKey"],
                document.get("Token"),
                datetime.fromisoformat(document["Expiration"]),
            )
        except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
            raise RegistryUnavailable(
                f"the credentials of this function cannot be had ({type(error).__name__})"
            ) from None
        finally:
            connection.close()
