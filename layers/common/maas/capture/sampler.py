"""Which requests are captured, and their way into S3."""

import hashlib
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from maas.capture.buffer import Buffer
from maas.capture.record import Exchange, lines
from maas.contract import Columns, Contract
from maas.errors import ConfigurationError
from maas.masking import Mask, Pseudonyms
from maas.store import ObjectStore

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_SHARES = 2**64


class Sampler:
    """Captures a share of one model's requests.

    Args:
        model: Its name.
        contract: Says what is sensitive.
        rate: The share, 0 to 1.
        bucket: Where captures go.
        key: Reads the key of hashes, at first use; None where there is none.
        lost: Told how many records were given up.
    """

    def __init__(
        self,
        model: str,
        contract: Contract[Any, Any],
        *,
        rate: float,
        bucket: str,
        key: Callable[[], bytes] | None,
        lost: Callable[[int], object],
    ) -> None:
        self._model = model
        self._contract = contract
        self._rate = rate
        self._key = key
        self._mask: Mask | None = None
        self._buffer = Buffer(f"captures/{model}/", lambda: ObjectStore(bucket, impatient_client), lost=lost)

    def draws(self, request_id: str) -> bool:
        """Whether a request is captured: an id always falls alike, and a higher rate only adds to them."""
        place = int.from_bytes(hashlib.sha256(f"capture/{request_id}".encode()).digest()[:8])
        return place < self._rate * _SHARES

    def keep(self, exchange: Exchange, samples: Callable[[], Columns]) -> None:
        """Capture one exchange; `samples` gives records to try out on which signals sensitive fields change.

        For the time after the answer, and for one thread.

        Raises:
            MaasError: S3 or the key cannot be had.
        """
        if exchange.subject is not None and self._key is None:
            # Without a hash of the name, nobody could find the record again to forget it.
            return
        if self._mask is None:
            self._mask = Mask(self._contract, samples())
        self._buffer.add(
            exchange.time, list(lines(exchange, self._model, self._contract, self._mask, self.pseudonyms))
        )

    def flush(self) -> None:
        """Write what waits."""
        self._buffer.flush()

    def renew(self) -> None:
        """Forget what a snapshot must not carry over."""
        self._buffer.renew()

    @cached_property
    def pseudonyms(self) -> Pseudonyms | None:
        """What hashes are made with; None where there is no key."""
        return None if self._key is None else Pseudonyms(self._key())


def impatient_client() -> "S3Client":
    """An S3 client that gives up at once: Lambda lets no request in while it waits."""
    from boto3.session import Session
    from botocore.config import Config

    config = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
    return Session().client("s3", config=config)


def secret(name: str) -> bytes:
    """The key of hashes, from Secrets Manager.

    Raises:
        ConfigurationError: It cannot be read.
    """
    from boto3.session import Session
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return Session().client("secretsmanager").get_secret_value(SecretId=name)["SecretString"].encode()
    except (BotoCoreError, ClientError) as error:
        raise ConfigurationError(f"The secret {name} cannot be read: {error}") from error
