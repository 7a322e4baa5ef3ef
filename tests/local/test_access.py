"""Who gets in, and how much, on a deployed stack: signatures, tokens, keys, and the gateway's words."""

import json
import os
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import pytest
import urllib3
from botocore.credentials import Credentials as AwsCredentials
from typer.testing import CliRunner

from cli import keys, login
from cli.api import Api
from cli.consumers import Consumers, Share
from cli.credentials import Credentials
from cli.deployment import Deployment
from cli.emulator import REGION
from cli.main import app
from cli.proxy import server
from maas.access import SCOPES
from tests.part_of_stack import deploy_part

if TYPE_CHECKING:
    from conftest import LocalStack

WANTED = ("Api", "CatalogueFunction", "TrafficFlowFunction", "AuthorizerFunction")
POLICIES = ("ReadPolicy", "PredictPolicy", "ExplainPolicy", "OperatePolicy")
PREDICT = "/v1/models/traffic_flow:predict"
CONSOLE = "https://models.example.org/"
# A request of each scope. There is no model, so what gets through is answered with an error of ours: that is
# the function's, and shows that the gateway let it pass.
REQUESTS = {
    "read": ("GET", "/v2/health/ready"),
    "predict": ("POST", PREDICT),
    "explain": ("POST", "/v1/models/traffic_flow:explain"),
    "operate": ("POST", "/v1/models/traffic_flow:feedback"),
}


class Part(NamedTuple):
    """A stack beside the first one."""

    name: str
    url: str
    outputs: dict[str, str]


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    document: Any

    @property
    def code(self) -> str:
        """The code of a problem."""
        return str(self.document.get("type", "")).rpartition(":")[2]


def call(part: Part, method: str, path: str, shown: Credentials | None = None, **headers: str) -> Answer:
    body = b'{"instances": []}' if method == "POST" else b""
    address = part.url + path
    sent = (shown or Credentials()).headers(method, address, body, headers)
    # By default urllib3 waits as long as a 429 says.
    answer = urllib3.request(method, address, body=body or None, headers=sent, timeout=60, retries=False)
    names = {name.lower(): value for name, value in answer.headers.items()}
    return Answer(answer.status, names, json.loads(answer.data))


def is_ours(answer: Answer) -> bool:
    """Whether a failure of the gateway reads like one of the functions, to clients of either dialect."""
    problem = answer.document
    return (
        answer.headers["content-type"] == "application/json"
        and problem["type"].startswith("urn:maas:error:")
        and problem["detail"] == problem["error"]
        and problem.get("status", answer.status) == answer.status
        and "000000000000" not in json.dumps(problem)
    )


def deployed(stack: "LocalStack", name: str, *wanted: str, **parameters: str) -> Part:
    given = {"Environment": "local", "LogRetentionDays": "1", **parameters}
    outputs = deploy_part(stack.deployed, name, (*WANTED, *wanted), given)
    return Part(name, stack.deployed.api_url(outputs), outputs)


@pytest.fixture(scope="module")
def signed(stack: "LocalStack") -> Part:
    """A stack that asks for signatures."""
    return deployed(stack, "maas-signed", *POLICIES, Authentication="AWS_IAM")


@pytest.fixture(scope="module")
def tokens(stack: "LocalStack") -> Part:
    """A stack that asks for tokens of its own user pool, and for API keys."""
    wanted = ("UserPool", "UserPoolScopes", "UserPoolDomain", "ConsoleClient", "ConsoleFunction", "UsagePlan")
    given = {"Authentication": "JWT", "ApiKeys": "required", "ConsoleUrl": CONSOLE}
    return deployed(stack, "maas-tokens", *wanted, **given)


# --------------------------------------------------------------------------------------------- signatures ---


def person(stack: "LocalStack", part: Part, *policies: str) -> Credentials:
    """A user with these of the stack's policies, ready to sign."""
    iam = stack.client("iam")
    name = f"{part.name}-{uuid4()}"
    iam.create_user(UserName=name)
    for policy in policies:
        iam.attach_user_policy(UserName=name, PolicyArn=part.outputs[policy])
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Credentials(region=REGION, aws=AwsCredentials(key["AccessKeyId"], key["SecretAccessKey"]))


def test_without_a_signature_nobody_gets_in(signed: Part) -> None:
    """Every route refuses an unsigned request, and says what is missing."""
    for method, path in REQUESTS.values():
        answer = call(signed, method, path)
        assert (answer.status, answer.code) == (403, "missing-credentials")
        assert is_ours(answer)


@pytest.mark.parametrize("scope", SCOPES)
def test_a_policy_opens_its_scope_and_no_other(stack: "LocalStack", signed: Part, scope: str) -> None:
    """Each managed policy lets its requests through, and the gateway refuses all others."""
    caller = person(stack, signed, f"{scope.capitalize()}Policy")
    for other, (method, path) in REQUESTS.items():
        answer = call(signed, method, path, caller)
        if other == scope:
            assert answer.status == 200 if scope == "read" else answer.code not in {"", "access-denied"}
            assert answer.status != 403
        else:
            assert (answer.status, answer.code) == (403, "access-denied")
            assert is_ours(answer)


def test_policies_add_up(stack: "LocalStack", signed: Part) -> None:
    """Whoever has two of them may do both, in both dialects."""
    caller = person(stack, signed, "ReadPolicy", "PredictPolicy")
    assert call(signed, "GET", "/v2/models", caller).status == 200
    assert call(signed, "POST", "/v2/models/traffic_flow/infer", caller).status != 403
    assert call(signed, "POST", "/v1/models/traffic_flow/versions/00000000:predict", caller).status != 403
    assert call(signed, "DELETE", PREDICT, caller).code == "access-denied"


def test_a_wrong_secret_is_refused(stack: "LocalStack", signed: Part) -> None:
    """The signature is checked, not just looked at, and so is what it covers."""
    caller = person(stack, signed, "ReadPolicy", "OperatePolicy")
    assert caller.aws
    wrong = Credentials(region=REGION, aws=AwsCredentials(caller.aws.access_key, "x" * 40))
    answer = call(signed, "GET", "/v2/models", wrong)
    assert (answer.status, answer.code) == (403, "invalid-signature")
    assert is_ours(answer)
    address = signed.url + "/v2/models"
    stolen = caller.headers("GET", address, b"", {})
    moved = urllib3.request("GET", signed.url + "/v2/health/ready", headers=stolen)
    assert moved.status == 403


def test_credentials_of_another_kind_are_refused(signed: Part) -> None:
    """A token does not open an API that wants signatures."""
    answer = call(signed, "GET", "/v2/models", Authorization="Bearer a.b.c")
    assert answer.status == 403
    assert is_ours(answer)


def test_the_command_signs(
    stack: "LocalStack", signed: Part, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """`maas predict` reaches the function with a signature, and without one says what it needs."""
    caller = person(stack, signed, "PredictPolicy")
    assert caller.aws
    for name in [name for name in os.environ if name.startswith(("AWS_", "MAAS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", caller.aws.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", caller.aws.secret_key)
    ask = ["predict", "traffic_flow", "--url", signed.url]
    refused = CliRunner().invoke(app, ask)
    assert "HTTP 403" in refused.stderr
    assert "AWS_PROFILE" in refused.stderr
    monkeypatch.setenv("MAAS_SIGNING_REGION", REGION)
    passed = CliRunner().invoke(app, ask)
    assert "HTTP 403" not in passed.stderr
    assert "traffic_flow" in passed.stderr  # there is no version yet, says the function


@pytest.fixture
def proxied(stack: "LocalStack", signed: Part) -> Iterator[str]:
    """`maas proxy` for a reader."""
    api = Api(signed.url, person(stack, signed, "ReadPolicy", "ExplainPolicy"))
    with server(api, 0) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


def test_a_proxy_signs_for_those_who_cannot(proxied: str) -> None:
    """Plain requests to loopback come through signed, with the rights of whoever started it and no more."""
    ready = urllib3.request("GET", f"{proxied}/v2/health/ready", headers={"Authorization": "Bearer mine"})
    assert (ready.status, ready.json()) == (200, {"ready": True})
    assert ready.headers["content-type"] == "application/json"
    denied = urllib3.request("POST", f"{proxied}{PREDICT}", body=b'{"instances": []}')
    assert denied.status == 403
    assert denied.json()["type"].endswith("access-denied")


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "models.example.org"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
def test_a_proxy_is_not_for_other_sites(proxied: str, headers: dict[str, str]) -> None:
    """What a browser sends for a page of another site is refused before anything is signed."""
    answer = urllib3.request("GET", f"{proxied}/v2/health/ready", headers=headers)
    assert answer.status == 403
    assert b"ready" not in answer.data


# ------------------------------------------------------------------------------------------------- tokens ---


class Client(NamedTuple):
    """A client of the user pool."""

    name: str
    secret: str


def client_of(stack: "LocalStack", part: Part, *scopes: str) -> Client:
    """A client that may ask for these scopes."""
    made = stack.client("cognito-idp").create_user_pool_client(
        UserPoolId=part.outputs["UserPool"],
        ClientName="-".join(("client", *scopes)),
        GenerateSecret=True,
        AllowedOAuthFlowsUserPoolClient=True,
        AllowedOAuthFlows=["client_credentials"],
        AllowedOAuthScopes=[f"maas/{scope}" for scope in scopes],
    )["UserPoolClient"]
    return Client(made["ClientId"], made["ClientSecret"])


def token_of(stack: "LocalStack", client: Client) -> str:
    address = f"{stack.endpoint_url}/oauth2/token"
    answer = login.request_token(address, client.name, client.secret, scope=None, audience=None)
    return str(answer["access_token"])


def consumers_of(stack: "LocalStack", part: Part) -> Consumers:
    return Consumers.of(Deployment(part.outputs, stack.client), part.name)


@pytest.fixture(scope="module")
def api_key(stack: "LocalStack", tokens: Part) -> str:
    """A key with the stack's share."""
    return consumers_of(stack, tokens).create("office")[1]


def test_without_a_token_nobody_gets_in(tokens: Part, api_key: str) -> None:
    """An API key is no authentication; nonsense and a foreign signature are none either."""
    for headers in (
        {},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Bearer e30.e30.e30"},
        {"Authorization": "Basic b2ZmaWNlOnNlY3JldA=="},
    ):
        answer = call(tokens, "GET", "/v2/models", Credentials(api_key=api_key), **headers)
        assert (answer.status, answer.code) == (401, "invalid-token")
        assert answer.headers["www-authenticate"] == "Bearer"
        assert is_ours(answer)


def test_a_token_opens_its_scopes_and_no_other(stack: "LocalStack", tokens: Part, api_key: str) -> None:
    """The authorizer runs, reads the user pool's keys, and its policy is kept for all routes of a token."""
    shown = Credentials(token=token_of(stack, client_of(stack, tokens, "read", "explain")), api_key=api_key)
    for scope, (method, path) in REQUESTS.items():
        answer = call(tokens, method, path, shown)
        if scope in {"read", "explain"}:
            assert answer.status not in {401, 403}
        else:
            assert (answer.status, answer.code) == (403, "access-denied")
            assert is_ours(answer)


def test_a_token_of_another_pool_is_refused(stack: "LocalStack", tokens: Part, api_key: str) -> None:
    """Scopes of the same name from somebody else's user pool open nothing."""
    cognito = stack.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="foreign")["UserPool"]["Id"]
    scopes = [{"ScopeName": "read", "ScopeDescription": "read"}]
    cognito.create_resource_server(UserPoolId=pool, Identifier="maas", Name="maas", Scopes=scopes)
    cognito.create_user_pool_domain(UserPoolId=pool, Domain="foreign")
    foreign = tokens._replace(outputs={"UserPool": pool})
    shown = Credentials(token=token_of(stack, client_of(stack, foreign, "read")), api_key=api_key)
    assert call(tokens, "GET", "/v2/models", shown).code == "invalid-token"


def test_the_console_says_where_to_log_in(stack: "LocalStack", tokens: Part, api_key: str) -> None:
    """Page and settings are there without a token, data are not; the client of the pool has no secret."""
    shown = Credentials(api_key=api_key)
    login = call(tokens, "GET", "/console/settings.json", shown).document["login"]
    assert login["authorize"].startswith("https://maas-tokens-000000000000.auth.")
    client = stack.client("cognito-idp").describe_user_pool_client(
        UserPoolId=tokens.outputs["UserPool"], ClientId=login["client"]
    )["UserPoolClient"]
    assert (client["CallbackURLs"], client["AllowedOAuthFlows"]) == ([CONSOLE], ["code"])
    assert "ClientSecret" not in client
    assert call(tokens, "GET", "/console/data/models", shown).code == "invalid-token"


def test_the_command_logs_in(
    stack: "LocalStack", tokens: Part, api_key: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """`maas login` gets a token, and from then on `maas predict` reaches the function."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("MAAS_API_KEY", api_key)
    monkeypatch.delenv("MAAS_TOKEN", raising=False)
    client = client_of(stack, tokens, "predict")
    ask = ["predict", "traffic_flow", "--url", tokens.url]
    refused = CliRunner().invoke(app, ask)
    assert "HTTP 401" in refused.stderr
    assert "maas login" in refused.stderr
    asked = ["login", "--url", tokens.url, "--token-url", f"{stack.endpoint_url}/oauth2/token"]
    asked += ["--client-id", client.name, "--scope", "maas/predict"]
    got = CliRunner().invoke(app, asked, env={"MAAS_CLIENT_SECRET": client.secret})
    assert got.exit_code == 0, got.output
    assert "maas/predict" in got.output
    passed = CliRunner().invoke(app, ask)
    assert "HTTP 40" not in passed.stderr.replace("HTTP 404", "")
    assert "traffic_flow" in passed.stderr


# ------------------------------------------------------------------------------------------------- quotas ---


@pytest.fixture(scope="module")
def reader(stack: "LocalStack", tokens: Part) -> str:
    """A token that may read."""
    return token_of(stack, client_of(stack, tokens, "read"))


def test_a_key_is_needed(tokens: Part, reader: str) -> None:
    """A token without a key is refused where keys are required, and so is a key that nobody handed out."""
    for key in (None, "a-key-that-nobody-handed-out"):
        answer = call(tokens, "GET", "/v2/models", Credentials(token=reader, api_key=key))
        assert (answer.status, answer.code) == (403, "invalid-api-key")
        assert is_ours(answer)


def test_a_quota_is_used_up(stack: "LocalStack", tokens: Part, reader: str) -> None:
    """The request after the last one is 429 and says when to come again; other consumers do not notice."""
    _, key = consumers_of(stack, tokens).create("small", Share(100.0, 100, 3))
    shown = Credentials(token=reader, api_key=key)
    assert [call(tokens, "GET", "/v2/models", shown).status for _ in range(3)] == [200] * 3
    answer = call(tokens, "GET", "/v2/models", shown)
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (429, "quota-exceeded", "3600")
    assert is_ours(answer)


def test_a_burst_is_throttled(stack: "LocalStack", tokens: Part, reader: str) -> None:
    """More at once than a consumer may is 429 with Retry-After."""
    _, key = consumers_of(stack, tokens).create("slow", Share(0.1, 2, None))
    shown = Credentials(token=reader, api_key=key)
    answers = [call(tokens, "GET", "/v2/health/live", shown) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert (answers[2].code, answers[2].headers["retry-after"]) == ("too-many-requests", "1")
    assert is_ours(answers[2])


def test_a_revoked_key_opens_nothing(
    stack: "LocalStack", tokens: Part, reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`maas keys` makes, lists and revokes a key of the deployed API."""
    monkeypatch.setattr(keys, "find", lambda _: Deployment(tokens.outputs, stack.client))

    def run(*arguments: str) -> Any:
        done = CliRunner().invoke(app, ["keys", *arguments, "--stack", tokens.name, "--json"])
        assert done.exit_code == 0, done.output
        return json.loads(done.output)

    key = run("create", "leaver", "--rate", "5", "--per-day", "100")["value"]
    assert "leaver" in {consumer["consumer"] for consumer in run("list")}
    shown = Credentials(token=reader, api_key=key)
    assert call(tokens, "GET", "/v2/health/live", shown).status == 200
    run("revoke", "leaver")
    assert call(tokens, "GET", "/v2/health/live", shown).code == "invalid-api-key"


def test_explanations_are_throttled_apart(stack: "LocalStack", signed: Part) -> None:
    """The stage limits each route, and :explain more than the others."""
    stage = stack.client("apigateway").get_stage(restApiId=signed.outputs["ApiId"], stageName="local")
    settings = stage["methodSettings"]
    explain = next(value for name, value in settings.items() if "traffic_flow:explain" in name)
    assert explain["throttlingRateLimit"] == 10
    assert settings["*/*"]["throttlingRateLimit"] == 100
