"""The authorizer against a real issuer: who gets in, with what rights, and which tricks fail."""

import base64
import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from functions.authorizer.handler import READ_AGAIN_SECONDS, Authorizer, Refused, policy
from maas.access import SCOPES, granted, routes
from maas.errors import MaasError
from maas.settings import TokenSettings
from tests.oidc_issuer import DISCOVERY, KEYS, OidcIssuer, oidc_issuer, public

STAGE = "arn:aws:execute-api:eu-west-1:123456789012:api/dev"
METHOD = f"{STAGE}/POST/v1/models/m:predict"


@pytest.fixture
def issuer() -> Iterator[OidcIssuer]:
    """An issuer of our own."""
    with oidc_issuer() as made:
        yield made


@pytest.fixture
def authorizer(issuer: OidcIssuer, monkeypatch: pytest.MonkeyPatch) -> Authorizer:
    """The function as the template sets it up for that issuer."""
    monkeypatch.setenv("MAAS_MODELS_BUCKET", "models")
    monkeypatch.setenv("MAAS_ENVIRONMENT", "local")
    monkeypatch.setenv("MAAS_TOKEN_ISSUER", issuer.url)
    monkeypatch.setenv("MAAS_TOKEN_AUDIENCE", "maas, other")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    return Authorizer("authorizer")


def ask(authorizer: Authorizer, token: str) -> dict[str, Any]:
    event = {"type": "TOKEN", "authorizationToken": f"Bearer {token}", "methodArn": METHOD}
    answer: dict[str, Any] = authorizer(event, None)
    return answer


def permits(answer: dict[str, Any], route: str) -> bool:
    (statement,) = answer["policyDocument"]["Statement"]
    matches = any(fnmatchcase(f"{STAGE}/{route}", pattern) for pattern in statement["Resource"])
    return matches and statement["Effect"] == "Allow"


ROUTES = {
    "GET/": {"read"},
    "GET/openapi.json": {"read"},
    "GET/v1/models/m": {"read"},
    "GET/v2/models/m/ready": {"read"},
    "POST/v2/repository/index": {"read"},
    "POST/v1/models/m:predict": {"predict"},
    "POST/v1/models/m/versions/12345678:predict": {"predict"},
    "POST/v2/models/m/infer": {"predict"},
    "POST/v2/models/m/versions/12345678/infer": {"predict"},
    "POST/console/data/files/m/rows.csv": {"predict"},
    "GET/console/data/models": {"read"},
    "POST/v1/models/m:explain": {"explain"},
    "POST/v1/models/m/versions/12345678:explain": {"explain"},
    "POST/v1/models/m:feedback": {"operate"},
    "DELETE/v1/models/m": set(),
    "PUT/v1/models/m:predict": set(),
    "POST/v1/models/m": set(),
    "POST/": set(),
}


@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_permits_its_routes_and_no_other(
    authorizer: Authorizer, issuer: OidcIssuer, scope: str
) -> None:
    """Each scope opens what it is named for, on this stage, for every model, and nothing besides."""
    answer = ask(authorizer, issuer.token(f"openid maas/{scope}"))
    assert answer["principalId"] == "office"
    assert answer["context"] == {"scopes": scope}
    assert {route for route in ROUTES if permits(answer, route)} == {
        route for route, scopes in ROUTES.items() if scope in scopes
    }
    other_stage = answer["policyDocument"]["Statement"][0]["Resource"]
    assert all(resource.startswith(f"{STAGE}/") for resource in other_stage)


def test_every_scope_is_exercised() -> None:
    """The table above knows every scope there is."""
    assert set().union(*ROUTES.values()) == set(SCOPES)


@pytest.mark.parametrize("scope", ["", None, "predict", "maas/everything", "MAAS/PREDICT", 7, ["x"]])
def test_a_valid_token_without_our_scopes_is_refused_everything(
    authorizer: Authorizer, issuer: OidcIssuer, scope: Any
) -> None:
    """The bearer is known, so it is 403 and not 401; the policy still has a statement, as it must."""
    answer = ask(authorizer, issuer.token(scope))
    (statement,) = answer["policyDocument"]["Statement"]
    assert (statement["Effect"], statement["Resource"]) == ("Deny", [f"{STAGE}/*"])


@pytest.mark.parametrize("claim", [{"scope": None, "scp": ["maas/read"]}, {"scope": ["maas/read"]}])
def test_scopes_may_come_as_a_list(authorizer: Authorizer, issuer: OidcIssuer, claim: Any) -> None:
    """Issuers differ in how they write scopes."""
    token = issuer.token(**claim)
    assert permits(ask(authorizer, token), "GET/v2")


@pytest.mark.parametrize("name", ["rsa", "ec"])
def test_both_algorithms_are_taken(authorizer: Authorizer, issuer: OidcIssuer, name: str) -> None:
    """RS256 and ES256."""
    assert permits(ask(authorizer, issuer.token(name=name)), "POST/v1/models/m:predict")


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"exp": 1},
        {"exp": None},
        {"nbf": 9e9},
        {"aud": "another-application"},
        {"aud": ["another", "application"]},
        {"aud": None},
        {"aud": None, "client_id": "another"},
        {"token_use": "id"},
        {"sub": None},
        {"sub": "", "client_id": ""},
        {"sub": None, "client_id": ["maas"]},
    ],
    ids=str,
)
def test_tokens_for_other_times_places_and_purposes_are_refused(
    authorizer: Authorizer, issuer: OidcIssuer, claims: dict[str, Any]
) -> None:
    """A good signature is not enough."""
    with pytest.raises(Refused, match=r"^Unauthorized$"):
        ask(authorizer, issuer.token(**claims))


@pytest.mark.parametrize("claims", [{"aud": ["x", "maas"]}, {"aud": None, "client_id": "other"}], ids=str)
def test_audiences_of_several_kinds_are_taken(
    authorizer: Authorizer, issuer: OidcIssuer, claims: dict[str, Any]
) -> None:
    """A list, and Cognito's client instead of an audience."""
    assert ask(authorizer, issuer.token(**claims))


def test_a_token_is_its_subject_s_or_its_client_s(authorizer: Authorizer, issuer: OidcIssuer) -> None:
    """What the functions tell callers apart by is never the same for two of them."""
    assert ask(authorizer, issuer.token(sub="ann", client_id="maas"))["principalId"] == "ann"
    assert ask(authorizer, issuer.token(sub=None, client_id="maas"))["principalId"] == "maas"


def test_forged_signatures_are_refused(authorizer: Authorizer, issuer: OidcIssuer) -> None:
    """Another's key under the issuer's name, a changed claim, no signature, the public key as a secret."""
    foreign = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = (
        issuer.private["rsa"]
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    header, claims, signature = issuer.token().split(".")
    told = json.loads(base64.urlsafe_b64decode(claims + "=="))
    changed = base64.urlsafe_b64encode(json.dumps(told | {"sub": "root"}).encode()).decode().rstrip("=")
    hs256 = jwt.utils.base64url_encode(b'{"alg":"HS256","kid":"rsa","typ":"JWT"}').decode()
    confused = f"{hs256}.{claims}"
    mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    forged = jwt.utils.base64url_encode(mac.sign(confused.encode(), pem)).decode()
    none = jwt.utils.base64url_encode(b'{"alg":"none","kid":"rsa","typ":"JWT"}').decode()
    for token in (
        issuer.token(key=foreign),
        f"{header}.{changed}.{signature}",
        f"{header}.{claims}.",
        f"{none}.{claims}.",
        f"{confused}.{forged}",
        issuer.token(key=issuer.private["ec"]),  # the other key's signature under this key's name
        issuer.token(algorithm="RS512"),
    ):
        with pytest.raises(Refused):
            ask(authorizer, token)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "..", "e30.e30.", "Bearer", "é.ü.ß", "." * 9000])
def test_what_is_no_token_is_refused(authorizer: Authorizer, token: str) -> None:
    """Nonsense is 401, never a failure of ours."""
    with pytest.raises(Refused):
        ask(authorizer, token)


@pytest.mark.parametrize("header", [{"jku": "https://evil.example/keys"}, {"x5u": "https://evil.example/c"}])
def test_a_token_does_not_say_where_keys_are(
    authorizer: Authorizer, issuer: OidcIssuer, header: dict[str, str]
) -> None:
    """Addresses in a token's header are not looked at."""
    foreign = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    told = {"kid": "new", "jwk": public("new", foreign), **header}
    token = jwt.encode({"iss": issuer.url, "exp": 9e9, "aud": "maas"}, foreign, "RS256", told)
    with pytest.raises(Refused):
        ask(authorizer, token)


def test_keys_are_read_once_and_again_for_a_new_one(
    authorizer: Authorizer, issuer: OidcIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rotated key is found after a while; unknown names in between cost the issuer nothing."""
    clock = [0.0]
    monkeypatch.setattr("functions.authorizer.handler.time.monotonic", lambda: clock[0])
    assert ask(authorizer, issuer.token())
    assert ask(authorizer, issuer.token(name="ec"))
    issuer.private["new"] = ec.generate_private_key(ec.SECP256R1())
    issuer.publish()
    for _ in range(5):
        with pytest.raises(Refused):
            ask(authorizer, issuer.token(name="new"))
    assert issuer.asked == {DISCOVERY: 1, KEYS: 1}
    clock[0] = READ_AGAIN_SECONDS
    assert ask(authorizer, issuer.token(name="new"))
    assert issuer.asked == {DISCOVERY: 2, KEYS: 2}


def test_unusable_keys_are_left_out(authorizer: Authorizer, issuer: OidcIssuer) -> None:
    """A key for encryption, one of another algorithm and one without a name open nothing."""
    other = ec.generate_private_key(ec.SECP384R1())
    nameless = public("x", issuer.private["rsa"])
    del nameless["kid"]
    issuer.private["es384"] = other
    issuer.publish()
    issuer.documents[KEYS] = {
        "keys": [
            public("rsa", issuer.private["rsa"], use="enc"),
            public("es384", other),
            nameless,
            public("ec", issuer.private["ec"], use="sig"),
        ]
    }
    assert ask(authorizer, issuer.token(name="ec"))
    for name, algorithm in (("rsa", "RS256"), ("es384", "ES384")):
        with pytest.raises(Refused):
            ask(authorizer, issuer.token(name=name, algorithm=algorithm))


@pytest.mark.parametrize(
    ("path", "document"),
    [
        (DISCOVERY, None),
        (DISCOVERY, b"<html>"),
        (DISCOVERY, []),
        (DISCOVERY, {"issuer": "https://elsewhere.example", "jwks_uri": "https://elsewhere.example/keys"}),
        (DISCOVERY, {"jwks_uri": "ftp://elsewhere.example/keys"}),
        (KEYS, None),
        (KEYS, b'{"keys": [' + b" " * 300_000 + b"]}"),
    ],
    ids=str,
)
def test_an_issuer_in_trouble_is_our_failure_and_not_the_caller_s(
    authorizer: Authorizer, issuer: OidcIssuer, path: str, document: Any
) -> None:
    """No answer, nonsense, another's documents and endless ones are 500 at the gateway: nobody gets in."""
    if isinstance(document, dict) and "issuer" not in document:
        document = {"issuer": issuer.url, **document}
    issuer.documents[path] = document
    with pytest.raises(MaasError):
        ask(authorizer, issuer.token())
    issuer.publish()
    assert ask(authorizer, issuer.token())  # and it recovers at once


def test_the_log_holds_no_token(
    authorizer: Authorizer, issuer: OidcIssuer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scopes and the kind of a refusal are logged; neither token nor the bearer's name is."""
    good, bad = issuer.token(sub="a-person"), issuer.token(exp=1, sub="a-person")
    ask(authorizer, good)
    with pytest.raises(Refused) as caught:
        ask(authorizer, bad)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    logged = capsys.readouterr()
    text = logged.out + logged.err
    assert '"scopes":"predict"' in text.replace(" ", "")
    assert "ExpiredSignatureError" in text
    assert "a-person" not in text
    for token in (good, bad):
        assert not any(part in text for part in token.split("."))


def test_settings() -> None:
    """An issuer is https but on a laptop; an emulator stands in for Cognito and for nothing else."""
    cognito = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_x"
    emulated = {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}
    read = TokenSettings.from_environment
    assert read({"MAAS_TOKEN_ISSUER": cognito, "MAAS_ENVIRONMENT": "prod"}).base == cognito
    local = read({"MAAS_TOKEN_ISSUER": f"{cognito}/", **emulated})
    assert (local.issuer, local.base) == (cognito, "http://127.0.0.1:4566/eu-west-1_x")
    other = read({"MAAS_TOKEN_ISSUER": "https://issuer.example", "MAAS_TOKEN_AUDIENCE": "a, b,", **emulated})
    assert (other.base, other.audience) == ("https://issuer.example", ("a", "b"))
    for wrong in (
        {},
        {"MAAS_TOKEN_ISSUER": ""},
        {"MAAS_TOKEN_ISSUER": "http://issuer.example", "MAAS_ENVIRONMENT": "prod"},
        {"MAAS_TOKEN_ISSUER": cognito, "MAAS_ENVIRONMENT": "dev", **emulated},
    ):
        with pytest.raises(MaasError):
            read(wrong)


def test_policies_name_each_route_once() -> None:
    """Scopes together permit the routes of each, in the order of the table."""
    assert granted(["maas/operate", "x", "maas/read"]) == ("read", "operate")
    assert routes(SCOPES) == tuple(route for scope in SCOPES.values() for route in scope)
    statement = policy(METHOD, tuple(SCOPES))["Statement"][0]
    assert statement["Action"] == "execute-api:Invoke"
    assert len(statement["Resource"]) == len(set(statement["Resource"]))
