"""The deployed stack on a laptop: the real `sam build` and `sam deploy`, pointed at the emulator."""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cli.emulator import CREDENTIAL, REGION, ROOT, STATE, child_environment, endpoint_url, last_lines
from cli.openapi import command as description
from maas.errors import ConfigurationError

NAME = "maas-local"
START_SECONDS = 60.0


class StackError(ConfigurationError):
    """The stack cannot be built, deployed or read."""

    code, title = "stack-error", "Stack error"


class Stack:
    """The stack `name` of the template in `root`, on the emulator on `port`; sam's logs go to `state`."""

    def __init__(self, port: int, *, state: Path = STATE, root: Path = ROOT, name: str = NAME) -> None:
        self.port = port
        self.name = name
        self.log_folder = state
        self._root = root

    @property
    def built_template(self) -> Path:
        """What `sam build` leaves for `sam deploy`."""
        return self._root / ".aws-sam" / "build" / "template.yaml"

    def build(self) -> None:
        """Build layers and functions; unchanged ones come from the cache."""
        description.write(self._root)
        self._sam("build", "--config-env", "local", "--parameter-overrides", f"Architecture={architecture()}")

    def deploy(self) -> dict[str, str]:
        """Deploy what was built and return the stack's outputs, once all functions have started.

        Raises:
            StackError: The deployment failed, or a function does not start.
        """
        self._sam("deploy", "--config-env", "local", "--stack-name", self.name, "--region", REGION)
        outputs = self.outputs()
        for name, value in outputs.items():
            if name.endswith("Function"):
                self._wait_for_start(value)
        return outputs

    def outputs(self) -> dict[str, str]:
        """The stack's outputs by name.

        Raises:
            StackError: There is no such stack, or nobody answers on the port.
        """
        from botocore.exceptions import BotoCoreError, ClientError  # late: botocore costs 250 ms

        try:
            answer = self.client("cloudformation").describe_stacks(StackName=self.name)
        except (BotoCoreError, ClientError) as error:
            raise StackError(f"the stack {self.name} cannot be read: {error}") from error
        return {
            output["OutputKey"]: output["OutputValue"] for output in answer["Stacks"][0].get("Outputs", [])
        }

    def api_url(self, outputs: Mapping[str, str] | None = None) -> str:
        """The API's address on loopback, without a slash at the end.

        The stack's own `ApiUrl` is the cloud's; the emulator serves every API under a path of its own.
        """
        outputs = self.outputs() if outputs is None else outputs
        return f"{endpoint_url(self.port)}/restapis/{outputs['ApiId']}/{outputs['ApiStage']}/_user_request_"

    def client(self, service: str) -> Any:
        """A boto3 client of the emulator, independent of the user's AWS configuration."""
        import boto3  # late: costs 250 ms
        import botocore.session
        from botocore.config import Config

        # No profile, no files: an AWS_PROFILE that is not there would be an error, one that is there a risk.
        bare = botocore.session.Session(
            session_vars={
                "profile": (None, None, None, None),
                "config_file": (None, None, os.devnull, None),
                "credentials_file": (None, None, os.devnull, None),
            }
        )
        # Any: the type stubs know clients by literal names only.
        session: Any = boto3.session.Session(
            aws_access_key_id=CREDENTIAL,
            aws_secret_access_key=CREDENTIAL,
            region_name=REGION,
            botocore_session=bare,
        )
        return session.client(service, endpoint_url=endpoint_url(self.port), config=Config(proxies={}))

    def _wait_for_start(self, function: str) -> None:
        """Wait for a published version; the emulator, unlike Lambda, does not fail the deployment with it."""
        functions = self.client("lambda")
        deadline = time.monotonic() + START_SECONDS
        while True:
            state = functions.get_function_configuration(FunctionName=function)
            if state["State"] == "Active":
                return
            if state["State"] == "Failed":
                raise StackError(f"{function} does not start: {state['StateReason']}")
            if time.monotonic() > deadline:
                raise StackError(f"{function} has not started within {START_SECONDS:.0f} s")
            time.sleep(0.1)

    def _quiet_sam_settings(self) -> Path:
        """A settings folder in which sam finds that it need not look on the network for a newer version.

        Without it sam also writes into the user's home directory.
        """
        folder = self.log_folder / "sam"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "metadata.json").write_text(
            json.dumps({"lastVersionCheck": time.time(), "telemetryEnabled": False})
        )
        return folder

    def _sam(self, command: str, *arguments: str) -> None:
        log = self.log_folder / f"sam-{command}.log"
        # The sam beside this interpreter, whatever PATH says; the layers find their python3.13 there too.
        programs = Path(sys.executable).parent
        sam = programs / "sam"
        environment = child_environment(self.port) | {
            "ARCHITECTURE": architecture(),
            "PATH": os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)]),
            "SAM_CLI_TELEMETRY": "0",
            "__SAM_CLI_APP_DIR": str(self._quiet_sam_settings()),
        }
        with log.open("wb") as stream:
            finished = subprocess.run(
                [str(sam), command, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=self._root,
                check=False,
            )
        if finished.returncode != 0:
            raise StackError(f"`sam {command}` failed (exit status {finished.returncode}); {last_lines(log)}")


def architecture() -> str:
    """The processor of this machine in Lambda's terms: the emulator runs the layers' own machine code."""
    return "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64"
