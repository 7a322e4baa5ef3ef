"""The authorizer: what the bearer of a token may do, as a policy for the gateway.

Any OpenID Connect issuer will do, Amazon Cognito among them. The issuer is the deployment's choice, never the
token's: nothing a caller sends decides where keys are read from.
"""

import json
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from maas.access import granted, routes
from maas.errors import ConfigurationError, Unavailable
from maas.function import Function
from maas.settings import TokenSettings

if TYPE_CHECKING:
    import urllib3
    from jwt import PyJWK

# Signatures with a public key only: "none", and HS256 with a public key as its secret, are the known attacks.
ALGORITHMS = ("RS256", "ES256")
LEEWAY_SECONDS = 30
DISCOVERY = "/.well-known/openid-configuration"
LONGEST_DOCUMENT = 256 * 1024  # bytes
# A token may name any key: unknown names must not become requests to the issuer.
READ_AGAIN_SECONDS = 30.0


class Refused(Exception):
    """The token is not valid. API Gateway answers 401 if, and only if, the message is this word."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class Issuer:
    """The public keys of an OpenID Connect issuer: read when first needed, and again for a new one."""

    def __init__(self, settings: TokenSettings) -> None:
        self._settings = settings
        self._keys: dict[str, PyJWK] = {}
        self._read_at = float("-inf")

    def key(self, name: str) -> "PyJWK | None":
        """The key of this name (`kid`), if the issuer has it.

        Raises:
            Unavailable: The issuer does not answer.
        """
        if name not in self._keys and time.monotonic() - self._read_at >= READ_AGAIN_SECONDS:
            self._keys = self._read()
            self._read_at = time.monotonic()
        return self._keys.get(name)

    def _read(self) -> "dict[str, PyJWK]":
        from jwt import PyJWKSet

        discovered = self._document(self._settings.base + DISCOVERY)
        if discovered.get("issuer") != self._settings.issuer:
            raise ConfigurationError(f"{self._settings.base} speaks for another issuer")
        address = str(discovered.get("jwks_uri"))
        if address.partition(":")[0] != self._settings.base.partition(":")[0]:
            raise ConfigurationError("the issuer's keys must not be read in the clear")
        found = PyJWKSet.from_dict(self._document(address))
        return {
            key.key_id: key
            for key in found
            if key.key_id and key.algorithm_name in ALGORITHMS and key.public_key_use in {None, "sig"}
        }

    def _document(self, address: str) -> dict[str, Any]:
        import urllib3

        try:
            answer = self._pool.request("GET", address, redirect=False, preload_content=False)
            body = answer.read(LONGEST_DOCUMENT)
            answer.release_conn()
            document = json.loads(body) if answer.status == 200 else None  # noqa: PLR2004 - HTTP's own
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise Unavailable(f"{address}: {type(error).__name__}") from error
        if not isinstance(document, dict):
            raise Unavailable(f"{address} answered {answer.status}")
        return document

    @cached_property
    def _pool(self) -> "urllib3.PoolManager":
        import urllib3

        timeout = urllib3.Timeout(connect=2, read=3)
        return urllib3.PoolManager(timeout=timeout, retries=urllib3.Retry(1, redirect=0))


class Authorizer(Function):
    """Handles API Gateway's TOKEN authorizer events."""

    @cached_property
    def _tokens(self) -> TokenSettings:
        return TokenSettings.from_environment()

    @cached_property
    def _issuer(self) -> Issuer:
        return Issuer(self._tokens)

    def dispatch(self, event: Any, context: Any) -> Any:  # noqa: ARG002 - Lambda's signature
        """The policy for the bearer of `event["authorizationToken"]`.

        Raises:
            Refused: The token is not valid.
            MaasError: Tokens cannot be checked at the moment.
        """
        started = time.perf_counter()
        try:
            claims = self._claims(str(event.get("authorizationToken", "")).removeprefix("Bearer "))
            name = _name(claims)
        except Refused:
            self.telemetry.answered(time.perf_counter() - started, status=401)
            raise
        scopes = granted(_scopes(claims))
        self.telemetry.note(scopes=" ".join(scopes))
        self.telemetry.answered(time.perf_counter() - started, status=200)
        return {
            "principalId": name,
            "policyDocument": policy(str(event["methodArn"]), scopes),
            "context": {"scopes": " ".join(scopes)},
        }

    def _claims(self, token: str) -> dict[str, Any]:
        """The claims of a valid token."""
        import jwt

        try:
            name = jwt.get_unverified_header(token).get("kid")
            key = self._issuer.key(name) if isinstance(name, str) else None
            if key is None:
                raise Refused
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                issuer=self._tokens.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss"], "verify_aud": False, "enforce_minimum_key_length": True},
            )
        except jwt.PyJWTError as error:
            self.telemetry.note(reason=type(error).__name__)
            raise Refused from None  # the traceback is logged: it must not hold the token
        # Cognito's access tokens name a client instead of an audience; its ID tokens give no access.
        if claims.get("token_use", "access") != "access":
            raise Refused
        audience = claims.get("aud") or claims.get("client_id")
        named = set(audience) if isinstance(audience, list) else {audience}
        if self._tokens.audience and not named & set(self._tokens.audience):
            raise Refused
        return claims


def policy(method_arn: str, scopes: tuple[str, ...]) -> dict[str, Any]:
    """A policy that allows the routes of the scopes on the stage of `method_arn`, and nothing else."""
    stage = "/".join(method_arn.split("/")[:2])
    effect = "Allow" if scopes else "Deny"  # a policy must have a statement
    allowed = [f"{stage}/{route}" for route in routes(scopes)] or [f"{stage}/*"]
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": allowed}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _name(claims: dict[str, Any]) -> str:
    """Whose token it is. Tokens of nobody would all be the same caller, and read each other's answers."""
    for name in (claims.get("sub"), claims.get("client_id")):
        if isinstance(name, str) and name:
            return name
    raise Refused


def _scopes(claims: dict[str, Any]) -> list[str]:
    """The scopes of a token: text with blanks (RFC 9068), or a list under the name some issuers give it."""
    found = claims.get("scope", claims.get("scp", ""))
    if isinstance(found, str):
        return found.split()
    return [scope for scope in found if isinstance(scope, str)] if isinstance(found, list) else []


handler = Authorizer("authorizer")
