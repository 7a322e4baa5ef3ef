"""An OpenID Connect issuer on loopback: discovery, keys, and tokens of any content."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/keys"
# Making RSA keys takes a tenth of a second: once for all tests.
_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_EC = ec.generate_private_key(ec.SECP256R1())


def public(name: str, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, **more: str) -> dict[str, Any]:
    """The public half of a key, as an entry of a key set."""
    algorithm = (
        jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    )
    entry: dict[str, Any] = json.loads(algorithm.to_jwk(key.public_key()))
    return entry | {"kid": name} | more


class OidcIssuer:
    """What the issuer answers, which tests may change, and how often it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.private: dict[str, Any] = {"rsa": _RSA, "ec": _EC}
        self.documents: dict[str, Any] = {}
        self.asked: dict[str, int] = {}

    def publish(self) -> None:
        """Answer with the present keys."""
        self.documents = {
            DISCOVERY: {"issuer": self.url, "jwks_uri": self.url + KEYS},
            KEYS: {"keys": [public(name, key) for name, key in self.private.items()]},
        }

    def token(
        self,
        scope: Any = "maas/predict",
        *,
        name: str = "rsa",
        algorithm: str | None = None,
        key: Any = None,
        **claims: Any,
    ) -> str:
        """A token; claims that are None are left out, and whatever is given is believed."""
        now = time.time()
        whole: Mapping[str, Any] = {
            "iss": self.url,
            "aud": "maas",
            "sub": "office",
            "iat": now,
            "exp": now + 300,
            "scope": scope,
        } | claims
        key = self.private[name] if key is None else key
        algorithm = algorithm or ("ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "RS256")
        present = {claim: value for claim, value in whole.items() if value is not None}
        return jwt.encode(present, key, algorithm=algorithm, headers={"kid": name})


@contextmanager
def oidc_issuer() -> Iterator[OidcIssuer]:
    """An issuer that listens while the context lasts."""
    issuer = OidcIssuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked[self.path] = issuer.asked.get(self.path, 0) + 1
            document = issuer.documents.get(self.path)
            self.send_response(404 if document is None else 200)
            self.end_headers()
            self.wfile.write(document if isinstance(document, bytes) else json.dumps(document).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer.url = f"http://127.0.0.1:{server.server_port}"
        issuer.publish()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()
