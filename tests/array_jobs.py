"""Jobs of AWS Batch as processes of this computer: moto takes the calls and remembers, these run."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import urllib3
from moto.server import ThreadedMotoServer

ROOT = Path(__file__).parents[1]
QUEUE, DEFINITION = "training", "training"
_AT_A_TIME = 2
_SECONDS = 120.0


@contextmanager
def moto_server() -> Iterator[str]:
    """The address of a moto server on loopback, whose Batch starts nothing itself."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        address = f"http://{host}:{port}"
        urllib3.request("POST", f"{address}/moto-api/config", json={"batch": {"use_docker": False}})
        yield address
        urllib3.request("POST", f"{address}/moto-api/reset")
    finally:
        server.stop()


def prepare(client: Any, address: str, environment: Mapping[str, str]) -> None:
    """A queue and a job definition, as the template has them, in a moto server's Batch."""
    iam = boto3.client("iam", endpoint_url=address)
    role = iam.create_role(RoleName="batch", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    made = client.create_compute_environment(
        computeEnvironmentName="machines", type="UNMANAGED", state="ENABLED", serviceRole=role
    )
    order = [{"order": 1, "computeEnvironment": made["computeEnvironmentArn"]}]
    client.create_job_queue(jobQueueName=QUEUE, state="ENABLED", priority=1, computeEnvironmentOrder=order)
    client.register_job_definition(
        jobDefinitionName=DEFINITION,
        type="container",
        containerProperties={
            "image": "training",
            "command": ["--help"],
            "environment": [{"name": name, "value": value} for name, value in environment.items()],
            "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "2048"}],
        },
    )


@dataclass
class Batch:
    """A client of Batch that remembers what was submitted, and runs it when it is told to."""

    client: Any
    submitted: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        """Everything but submitting is the client's own."""
        return getattr(self.client, name)

    def submit_job(self, **request: Any) -> Any:
        """Submit, and remember."""
        answer = self.client.submit_job(**request)
        self.submitted[answer["jobId"]] = request
        return answer

    def run(self, environment: Mapping[str, str]) -> dict[str, list[subprocess.CompletedProcess[str]]]:
        """Run all jobs, those that others depend on first; the processes of each job, by its id."""
        done: dict[str, list[subprocess.CompletedProcess[str]]] = {}
        while waiting := [job for job in self.submitted if job not in done]:
            free = [
                job
                for job in waiting
                if all(needed["jobId"] in done for needed in self.submitted[job].get("dependsOn", ()))
            ]
            assert free, "jobs wait for each other"
            for job in free:
                done[job] = self.processes(job, environment)
                assert all(not one.returncode for one in done[job]), done[job]
        return done

    def processes(self, job: str, environment: Mapping[str, str]) -> list[subprocess.CompletedProcess[str]]:
        """Run one job: as many processes as its array is large, two at a time."""
        request = self.submitted[job]
        size = request.get("arrayProperties", {}).get("size")
        children = [{}] if size is None else [{"AWS_BATCH_JOB_ARRAY_INDEX": str(one)} for one in range(size)]
        found = []
        for start in range(0, len(children), _AT_A_TIME):
            running = [
                subprocess.Popen(
                    [sys.executable, "-m", "cli", *request["containerOverrides"]["command"]],
                    cwd=ROOT,
                    env={**os.environ, **environment, **child, "AWS_BATCH_JOB_ID": job},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
                for child in children[start : start + _AT_A_TIME]
            ]
            found += [_ended(process) for process in running]
        return found


def _ended(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    try:
        out, err = process.communicate(timeout=_SECONDS)
    finally:
        process.kill()  # by its own id; one that has ended is left alone
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)
