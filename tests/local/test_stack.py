"""The real template, built and deployed to the emulator, answers over HTTP as the cloud would."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import urllib3

from cli.emulator import Emulator, EmulatorError, free_port
from cli.stack import Stack, StackError

if TYPE_CHECKING:
    from conftest import LocalStack


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


def call(
    url: str, method: str = "GET", body: bytes | None = None, headers: dict[str, str] | None = None
) -> Answer:
    answer = urllib3.request(method, url, body=body, headers=headers, timeout=60)
    return Answer(answer.status, dict(answer.headers), answer.data)


def test_catalogue_answers(stack: "LocalStack") -> None:
    """A request passes the gateway, reaches the catalogue's alias and finds the layers there."""
    answer = call(f"{stack.api_url}/v2")
    assert answer.status == 200
    assert answer.document["name"] == "maas"


def test_registry_is_within_reach(stack: "LocalStack") -> None:
    """The functions reach S3: readiness asks the registry."""
    answer = call(f"{stack.api_url}/v2/health/ready")
    assert (answer.status, answer.document) == (200, {"ready": True})


def test_unknown_paths_are_ours(stack: "LocalStack") -> None:
    """A path that leads nowhere gets our 404, not the gateway's 403."""
    answer = call(f"{stack.api_url}/no/such/path")
    assert answer.status == 404
    assert "detail" in answer.document


def test_wrong_methods_are_ours(stack: "LocalStack") -> None:
    """A wrong method gets our 405 with the methods that are allowed."""
    answer = call(f"{stack.api_url}/v1/models/traffic_flow:predict", method="DELETE")
    assert answer.status == 405
    assert "POST" in answer.headers["Allow"]


def test_model_without_a_version_says_so(stack: "LocalStack") -> None:
    """Before anything is published the model's own function answers, and with an error of ours."""
    answer = call(f"{stack.api_url}/v1/models/traffic_flow:predict", "POST", b'{"instances": []}')
    assert answer.status in {400, 404, 422, 503}
    assert answer.document["detail"]


def test_gateway_errors_are_deployed(stack: "LocalStack") -> None:
    """The gateway's own failures are configured in the form of ours."""
    response = stack.client("apigateway").get_gateway_response(
        restApiId=stack.outputs["ApiId"], responseType="DEFAULT_4XX"
    )
    assert '"error"' in response["responseTemplates"]["application/json"]


def test_outputs_name_what_exists(stack: "LocalStack") -> None:
    """Buckets are there and versioned; functions are published and have started."""
    for bucket in (stack.models_bucket, stack.data_bucket):
        assert stack.client("s3").get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    for name in ("CatalogueFunction", "TrafficFlowFunction"):
        function = stack.client("lambda").get_function_configuration(FunctionName=stack.outputs[name])
        assert function["State"] == "Active"
        assert function["SnapStart"]["ApplyOn"] == "PublishedVersions"
        assert function["Version"] != "$LATEST"


def test_open_beyond_a_laptop_is_refused(stack: "LocalStack") -> None:
    """CloudFormation itself refuses an API without authentication elsewhere."""
    cloudformation = stack.client("cloudformation")
    template = cloudformation.get_template(StackName=stack.deployed.name, TemplateStage="Original")[
        "TemplateBody"
    ]
    parameters = {"Environment": "dev", "Authentication": ""}
    with pytest.raises(cloudformation.exceptions.ClientError, match="local stacks only"):
        cloudformation.create_stack(
            StackName="open",
            TemplateBody=template if isinstance(template, str) else json.dumps(template),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )


def test_no_stack_is_an_error(stack: "LocalStack", tmp_path: Path) -> None:
    """Asking for a stack that is not there says which one."""
    with pytest.raises(StackError, match="nowhere"):
        Stack(stack.deployed.port, state=tmp_path, name="nowhere").outputs()


def test_a_failing_build_quotes_its_log(tmp_path: Path) -> None:
    """The reason of a failure is in the message, and so is the way to the rest."""
    (tmp_path / "template.yaml").write_text("Resources: [")
    with pytest.raises(StackError, match=r"sam build.*\n.*\n?.*template") as caught:
        Stack(free_port(), state=tmp_path / "state", root=tmp_path).build()
    assert str(tmp_path / "state" / "sam-build.log") in caught.value.detail


def test_emulator_comes_and_goes(tmp_path: Path) -> None:
    """Started twice it is one; on another port it is refused; ended, nothing of it is left."""
    emulator, port = Emulator(tmp_path), free_port()
    try:
        instance = emulator.start(port)
        assert emulator.wait_until_ready() == instance
        assert emulator.start(port) == instance
        with pytest.raises(EmulatorError, match="already runs on port"):
            emulator.start(free_port())
        assert Emulator(tmp_path).running() == instance  # another command finds it
    finally:
        assert emulator.stop()
    assert emulator.running() is None
    assert not instance.process.group
    assert not emulator.folder.exists()
    assert not emulator.stop()


def test_emulator_listens_on_loopback_only(stack: "LocalStack") -> None:
    """Nobody else on the network reaches it: all its listening sockets are 127.0.0.1, one port."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    rows += [line.split() for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]]
    inodes = set()
    instance = Emulator(stack.deployed.log_folder).running()
    assert instance is not None
    for descriptor in Path(f"/proc/{instance.process.pid}/fd").iterdir():
        inodes.add(str(descriptor.readlink()))
    listening = [row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in inodes]
    assert listening == [f"0100007F:{stack.deployed.port:04X}"]
