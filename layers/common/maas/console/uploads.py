"""Files that the console drops into the inbox: addresses to send and fetch them, and how far they are."""

import re
import secrets
from datetime import UTC, datetime
from typing import Any

from maas.batch.files import Files
from maas.batch.job import Jobs, job_id
from maas.batch.names import INBOX, FileName, error_key, read
from maas.console.addresses import Addresses
from maas.errors import InvalidRequest, NotFound

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 100


class Uploads:
    """Files that people drop on the page, from the first address to the last."""

    def __init__(self, files: Files, addresses: Addresses) -> None:
        self._files = files
        self._addresses = addresses

    def begin(self, model: str, name: str) -> dict[str, Any]:
        """Where a file called `name` is to be PUT, to be scored by `model`.

        Raises:
            Refused: The name is not one of a file that can be scored.
        """
        safe = _UNSAFE.sub("-", name)[-_LONGEST_NAME:].lstrip("-.") or "rows"
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        key = f"{INBOX}{model}/console/{stamp}-{secrets.token_hex(4)}/{safe}"
        read(key)  # refuses what batch scoring would refuse
        return {"id": key.removeprefix(INBOX), "url": self._addresses.to_send(key), "method": "PUT"}

    def state(self, identity: str) -> dict[str, Any]:
        """How far the file is that `begin` called `identity`.

        Raises:
            InvalidRequest: The console never called a file so.
            NotFound: It has not arrived.
        """
        key = f"{INBOX}{identity}"
        name = read(key)
        if not name.path.startswith("console/"):
            raise InvalidRequest("This file was not dropped here.")
        head = self._files.head(key)
        if head is None:
            raise NotFound("The file has not arrived.")
        held = Jobs(self._files).read(job_id(self._files.bucket, key, head.etag))
        answer = {"id": identity, "state": "waiting", "size": head.size}
        if held is None:
            return answer
        job = held.job
        answer |= {
            "state": job.status,
            "reason": job.reason,
            "offset": job.progress.offset,
            "rows": job.progress.rows,
            "scored": job.progress.scored,
            "rejected": job.progress.rejected,
        }
        return answer | {"downloads": self._downloads(name, key, job.status)}

    def _downloads(self, name: FileName, key: str, status: str) -> dict[str, str]:
        wanted = {
            "done": {"result": name.output, "rejects": name.rejects, "report": name.report},
            "failed": {"error": error_key(key)},
        }.get(status, {})
        return self._addresses.to_fetch(*wanted.items())
