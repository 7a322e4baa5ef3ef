"""Drives the monitor: a quiet model, one that has drifted, and a training that is started."""

import json
from datetime import UTC, datetime

import boto3
import numpy as np

from functions.monitor.handler import Monitor
from maas.store import ObjectStore
from tests.iam import ACCOUNT, REGION
from tests.rights.calls import recorded
from tests.rights.roles import Case
from tests.rights.world import ARNS, DATA, world
from tests.tiny_model import NAME
from tests.watched import capture, readings, watched_version

MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:maas-release"
QUEUE = {"MonitorDeadLetterQueue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:monitor-dead"}


def monitor() -> Case:
    """A day of captured requests, an outcome among them, unlike those of training."""
    with world() as stack:
        states = boto3.client("stepfunctions")
        wait = {"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 60, "End": True}}}
        role = f"arn:aws:iam::{ACCOUNT}:role/any"
        states.create_state_machine(name="maas-release", definition=json.dumps(wait), roleArn=role)
        stack.environment.setenv("MAAS_RETRAIN_STATE_MACHINE", MACHINE)
        data = ObjectStore(DATA, stack.s3)
        manifest, artifact = watched_version()
        stack.registry.promote(NAME, stack.registry.publish(manifest, artifact), actor="tests", reason="")
        now = datetime.now(UTC)
        drifted = readings(300, seed=2, temperature=np.full(300, 12.5))
        capture(data, manifest, drifted, end=now, hours=20)
        outcome = json.dumps({"id": "r0/0", "outcome": {"volume": 1.0}, "received": now.isoformat()})
        data.put(f"outcomes/{NAME}/{now:date=%Y-%m-%d}/one.jsonl", outcome.encode())
        data.put(f"training/{NAME}/may.csv", b"x")
        function = Monitor("monitor")
        with recorded() as calls:
            for _ in range(2):
                assert function({}, None) == {"models": {NAME: "noticed"}}
    return Case(
        "MonitorRole",
        frozenset(calls),
        ARNS | QUEUE | {"ReleaseStateMachine": MACHINE},
        parameters={"RetrainOnDrift": "on"},
    )
