"""The client of S3, made late: boto3 is imported only when somebody writes or lists."""

from typing import TYPE_CHECKING

from maas.errors import ConfigurationError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


def s3_client(*, region_name: str | None = None, endpoint_url: str | None = None) -> "S3Client":
    """Make an S3 client that gives up early enough for a request to be answered.

    Without arguments botocore's own rules hold (AWS_REGION, AWS_ENDPOINT_URL, the credential chain).
    Addresses it presigns name the bucket's region: a redirect to it would break a browser's upload.

    Raises:
        ConfigurationError: the environment describes no usable client.
    """
    from boto3.session import Session  # 250 ms that only a caller who needs S3 pays
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    config = Config(
        connect_timeout=2,
        read_timeout=10,
        # Not max_attempts, which in a Config counts the retries only.
        retries={"mode": "standard", "total_max_attempts": 4},
        signature_version="s3v4",
        s3={"addressing_style": "virtual"},
    )
    try:
        # A session of its own: boto3's default session is not safe under threads.
        return Session().client("s3", region_name=region_name, endpoint_url=endpoint_url, config=config)
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(f"No S3 client can be made: {error}") from error
