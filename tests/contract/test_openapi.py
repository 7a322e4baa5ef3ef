"""The OpenAPI document: valid, complete, and true of the functions that answer."""

import base64
import gzip
import io
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from moto import mock_aws
from openapi_spec_validator import validate
from referencing import Registry as Schemas
from referencing.jsonschema import DRAFT202012
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from cli.openapi import command, responses
from cli.openapi.document import document, text
from functions.catalogue.handler import Catalogue
from maas.access import SCOPES
from maas.endpoint import Endpoint
from maas.function import HttpFunction
from maas.registry import Registry
from maas.store import ObjectStore
from tests import tiny_model
from tests.gateway import Gateway
from tests.lambda_events import Answer
from tests.trained_models import endpoints, trained

MODELS = {**endpoints(), tiny_model.NAME: tiny_model.endpoint()}
DESCRIPTION = json.loads(text(document(MODELS.values())))
WHERE = "urn:described"
PICTURES = {name: endpoint for name, endpoint in MODELS.items() if endpoint.contract.raw}
FULL = bool(os.environ.get("MAAS_FULL"))
EXAMPLES = 60 if FULL else 3  # per operation


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    """All models in production behind one address."""
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        environment.setenv("AWS_ACCESS_KEY_ID", "testing")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        environment.setenv("MAAS_MODELS_BUCKET", "models-described")
        environment.setenv("MAAS_DATA_BUCKET", "data-described")
        environment.setenv("MAAS_REFRESH_SECONDS", "3600")
        client = boto3.client("s3")
        for bucket in ("models-described", "data-described"):
            client.create_bucket(Bucket=bucket)
        registry = Registry(ObjectStore("models-described", client))
        for name in endpoints():
            model = trained(name)
            version = model.publish(registry)
            registry.promote(name, version, actor="tests", reason="described")
        version = registry.publish(*tiny_model.version())
        registry.promote(tiny_model.NAME, version, actor="tests", reason="described")
        handlers = {name: _fresh(endpoint) for name, endpoint in MODELS.items()}
        yield Gateway(handlers, Catalogue("catalogue"))


def _fresh(endpoint: Endpoint[Any, Any]) -> Endpoint[Any, Any]:
    """The same handler with nothing loaded."""
    contract = endpoint.contract
    return Endpoint(
        endpoint.name,
        contract.record,
        contract.prediction,
        contract._features,
        feature_names=contract.feature_names,
        respond=contract._respond,
        raw=contract.raw,
    )


class Routes:
    """In the place of the web application: notes the routes that a function adds."""

    def __init__(self, function: HttpFunction) -> None:
        self.found: set[tuple[str, str]] = set()
        function.add_routes(self)  # type: ignore[arg-type]

    def route(self, method: str, rule: str, view: Any, **_: str) -> None:
        assert callable(view)
        self.found.add((method.lower(), rule.replace("<", "{").replace(">", "}")))

    def otherwise(self, view: Any) -> None:
        assert callable(view)


def called(gateway: Gateway, method: str, path: str, body: Any = None) -> Answer:
    """One request through the gateway to whoever answers it."""
    answers = []
    raw = b"" if body is None else json.dumps(body).encode()
    environ = {
        "PATH_INFO": path,
        "REQUEST_METHOD": method.upper(),
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(raw)),
        "wsgi.input": io.BytesIO(raw),
    }
    content = b"".join(gateway(environ, lambda status, headers: answers.append((status, dict(headers)))))
    ((status, headers),) = answers
    return Answer(int(status.split()[0]), headers, content)


def test_document_is_valid() -> None:
    """A validator of the standard accepts it: structure, references, schemas, examples of parameters."""
    validate(DESCRIPTION)
    assert DESCRIPTION["openapi"].startswith("3.1")


def fits(instance: Any, schema: dict[str, Any]) -> None:
    """Check an instance against one of the document's schemas."""
    wanted = {"$ref": WHERE + schema["$ref"]} if "$ref" in schema else schema
    described = Schemas().with_resource(WHERE, DRAFT202012.create_resource(DESCRIPTION))
    Draft202012Validator(wanted, registry=described).validate(instance)


def test_examples_are_what_their_schemas_say() -> None:
    """Each example, of requests and of answers, is valid under the schema beside it."""
    checked = 0
    for kind in ("requestBodies", "responses"):
        for name, part in DESCRIPTION["components"][kind].items():
            for content in part["content"].values():
                if "example" in content and not name.startswith(tiny_model.NAME):
                    fits(content["example"], content["schema"])
                    checked += 1
    assert checked >= 5 * len(endpoints())


@pytest.mark.parametrize("name", MODELS)
def test_every_route_of_a_model_is_described_and_no_other(name: str) -> None:
    """What the function answers is what the document says, method by method."""
    described = {
        (method, path)
        for path, operations in DESCRIPTION["paths"].items()
        for method in operations
        if re.search(rf"/{name}($|[/:])", path)
    }
    assert described == Routes(MODELS[name]).found


def test_every_route_of_the_server_is_described() -> None:
    """All but the description itself and the page that shows it."""
    described = {
        (method, path)
        for path, operations in DESCRIPTION["paths"].items()
        for method in operations
        if "/models/" not in path
    }
    own = {("get", "/openapi.json"), ("get", "/docs"), ("get", "/docs/{name}")}
    assert described == Routes(Catalogue("catalogue")).found - own


@pytest.mark.parametrize("name", endpoints())
def test_requests_of_the_document_are_answered(gateway: Gateway, name: str) -> None:
    """Its examples work as they stand: whoever copies one gets an answer that fits the answer's schema."""
    components = DESCRIPTION["components"]
    for path, operations in DESCRIPTION["paths"].items():
        if re.search(rf"/{name}($|[/:])", path) and "{version}" not in path and "post" in operations:
            body = operations["post"]["requestBody"]["$ref"].split("/")[-1]
            content = components["requestBodies"][body]["content"]["application/json"]
            answer = called(gateway, "POST", path, content["example"])
            assert answer.status == 200, (path, answer.body)
            response = operations["post"]["responses"]["200"]
            if "$ref" in response:
                response = components["responses"][response["$ref"].split("/")[-1]]
            fits(answer.json, response["content"]["application/json"]["schema"])


@pytest.mark.parametrize("name", MODELS)
def test_limits_are_in_the_document_and_on_the_card(gateway: Gateway, name: str) -> None:
    """The numbers that are enforced, in both places the same."""
    limits = MODELS[name].contract.limits.document()
    schemas = DESCRIPTION["components"]["schemas"]
    assert called(gateway, "GET", f"/v1/models/{name}").json["limits"] == limits
    for path in (f"/v1/models/{name}:predict", f"/v2/models/{name}/infer"):
        assert DESCRIPTION["paths"][path]["post"]["x-limits"] == limits
    instances = schemas[f"{name}.Instances"]["properties"]["instances"]
    assert instances["maxItems"] == limits["rows"]
    text = DESCRIPTION["components"]["requestBodies"][f"{name}.Predict"]["description"]
    for number in (limits["rows"], limits["sent_bytes"], limits["body_bytes"], limits["json_depth"]):
        assert str(number) in text
    for field, length in limits["text_length"].items():
        described = json.dumps(schemas[f"{name}.Record"]["properties"][field])
        assert f'"maxLength": {length}' in described or '"enum"' in described or '"const"' in described


def test_every_error_is_in_the_document() -> None:
    """Each code that callers can meet stands among the answers of its status."""
    for status, kinds in responses.codes().items():
        name = f"Gateway{status}" if status in responses.GATEWAY else f"Problem{status}"
        told = DESCRIPTION["components"]["responses"][name]["description"]
        assert all(kind.code in told for kind in kinds)


def test_every_error_of_the_gateway_is_in_the_document() -> None:
    """The template's codes are those that the document gives to the gateway, each with its status."""
    template = (Path(__file__).parents[2] / "template.yaml").read_text(encoding="utf-8")
    given = {
        code for part in (responses.GATEWAY, responses.ALSO) for codes in part.values() for code in codes
    }
    assert given == set(re.findall(r"urn:maas:error:([a-z-]+)", template))
    told = re.findall(r'urn:maas:error:([a-z-]+)", "title": "[^"]+", "status": (\d+)', template)
    for code, status in told:
        number = int(status)
        assert code in (*responses.GATEWAY.get(number, ()), *responses.ALSO.get(number, ())), code
        name = f"Gateway{status}" if number in responses.GATEWAY else f"Problem{status}"
        assert f"`{code}`" in DESCRIPTION["components"]["responses"][name]["description"]


def test_security_names_scopes_that_exist() -> None:
    """Each operation may be called with a signature, or with a token of one scope that there is."""
    schemes = DESCRIPTION["components"]["securitySchemes"]
    for path, operations in DESCRIPTION["paths"].items():
        for operation in operations.values():
            for way in operation["security"]:
                ((scheme, scopes),) = way.items()
                assert scheme in schemes
                assert all(scope.removeprefix("maas/") in SCOPES for scope in scopes), path


def test_a_new_model_is_described_without_a_word() -> None:
    """Only its contract is needed: the tiny model has no folder, and the document of it alone is valid."""
    alone = json.loads(text(document([tiny_model.endpoint()])))
    validate(alone)
    assert f"/v1/models/{tiny_model.NAME}:predict" in alone["paths"]
    assert f"{tiny_model.NAME}.Record" in alone["components"]["schemas"]


def test_command_prints_the_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`maas openapi` gives one document, on standard output or in a file, the same each time."""
    command.openapi(tmp_path / "openapi.json")
    command.openapi()
    printed = capsys.readouterr().out
    assert (tmp_path / "openapi.json").read_text(encoding="utf-8") == printed
    assert {f"/v1/models/{name}:predict" for name in endpoints()} <= json.loads(printed)["paths"].keys()


def test_build_puts_the_document_where_it_is_served(tmp_path: Path) -> None:
    """Before a build it is written if it has changed; a tree without a catalogue gets none."""
    command.write(tmp_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "functions" / "catalogue").mkdir(parents=True)
    command.write(tmp_path)
    written = tmp_path / command.SERVED
    first = written.stat().st_mtime_ns
    command.write(tmp_path)
    assert written.stat().st_mtime_ns == first
    written.write_bytes(b"{}")
    command.write(tmp_path)
    assert json.loads(gzip.decompress(written.read_bytes()))["openapi"] == DESCRIPTION["openapi"]


# ------------------------------------------------------------------------------------------- schemathesis ---


def _generated() -> dict[str, Any]:
    """The document that requests are generated from: with pictures, of which no schema says enough."""
    made: dict[str, Any] = json.loads(json.dumps(DESCRIPTION))
    for name, endpoint in PICTURES.items():
        for media_type, field in endpoint.contract.raw.items():
            examples = [one for one in endpoint.contract.fields[field].info.examples or [] if one]
            record = made["components"]["schemas"][f"{name}.Record"]["properties"][field]
            record["anyOf"][0] = {"type": "string", "enum": examples}
            files = st.sampled_from([base64.b64decode(one) for one in examples])
            schemathesis.openapi.media_type(media_type, files)
    return made


schemathesis.openapi.format("date-time-local", st.datetimes().map(lambda time: time.isoformat()))


@schemathesis.hook
def map_body(_: Any, body: Any) -> Any:
    """JSON Schema calls 3.0 an integer, most languages do not, and neither do we."""
    return _whole(body)


def _whole(value: Any) -> Any:
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_whole(one) for one in value]
        case dict():
            return {name: _whole(one) for name, one in value.items()}
    return value


class Behind:
    """The functions behind the document, as soon as there are some."""

    gateway: Gateway

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        # The tool says that it takes gzip, and then does not read it.
        changed = {**environ, "HTTP_ACCEPT_ENCODING": "identity"}
        # And it repeats itself, which under a key that was good for something else is refused.
        if re.fullmatch("[!#-~]{1,255}", environ.get("HTTP_IDEMPOTENCY_KEY", "")):
            changed["HTTP_IDEMPOTENCY_KEY"] = uuid4().hex
        return self.gateway(changed, start_response)


BEHIND = Behind()


def _behind(*, boundaries: bool) -> Any:
    """The document with the functions behind it; with every boundary of every schema, or a few of each."""
    schema = schemathesis.openapi.from_dict(_generated())
    schema.app = BEHIND
    schema.config.update(base_url="http://localhost")
    schema.config.phases.coverage.enabled = boundaries
    rejected = schema.config.checks.negative_data_rejection
    rejected.expected_statuses = [*rejected.expected_statuses, "413"]
    return schema


api = _behind(boundaries=False)
# In a short run, each kind of operation once per model and all of them for one model.
operations = api if FULL else api.exclude(path_regex=rf"^(?!.*/{tiny_model.NAME}[/:]).*/versions/")
# Some thousand requests: one model, which has a field of every kind, will do.
boundaries = _behind(boundaries=True).include(path_regex=rf"/{tiny_model.NAME}($|[/:])")


@pytest.fixture(scope="module")
def described(gateway: Gateway) -> None:
    """The functions behind the document."""
    BEHIND.gateway = gateway


def checked(case: schemathesis.Case) -> None:
    """Send a request and hold the answer to the document."""
    # The gateway asks for credentials, not the functions; and no schema says that a tensor's data must be as
    # long as its shape, or which of a model's methods explain what.
    untold = [positive_data_acceptance] if case.operation.path.endswith(("/infer", ":explain")) else []
    case.call_and_validate(excluded_checks=[ignored_auth, *untold])


@pytest.mark.usefixtures("described")
@operations.parametrize()
@hypothesis.settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_functions_keep_what_the_document_says(case: schemathesis.Case) -> None:
    """Generated requests, permitted and not: no 5xx, no status, type or body that is not described."""
    checked(case)


@pytest.mark.skipif(not FULL, reason="thousands of requests: MAAS_FULL=1")
@pytest.mark.usefixtures("described")
@boundaries.parametrize()
@hypothesis.settings(
    max_examples=1, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
def test_every_boundary_is_where_the_document_says(case: schemathesis.Case) -> None:
    """Each bound, type and member of every schema, from both sides."""
    checked(case)
