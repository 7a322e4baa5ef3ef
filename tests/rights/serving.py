"""Drives a model's function. The tiny model stands in for each: their roles differ in its name alone."""

from functools import cache

import boto3

from tests import tiny_model
from tests.lambda_events import Caller, Context
from tests.rights.calls import Call, recorded
from tests.rights.roles import Case
from tests.rights.world import ARNS, world
from tests.tiny_model import INSTANCES, NAME
from tests.tiny_requests import INFER, PREDICT, json_inputs

BODY = {"instances": INSTANCES}


@cache
def calls() -> tuple[frozenset[Call], str]:
    """What a model's function does, and the secret that it reads.

    A cold start, every kind of request, a version by name, a repetition, a subject, an outcome, a block.
    """
    with world() as stack:
        secrets = boto3.client("secretsmanager")
        secret = secrets.create_secret(Name="key", SecretString="a key of hashes")["ARN"]
        stack.environment.setenv("MAAS_CAPTURE_RATE", "1")
        stack.environment.setenv("MAAS_CAPTURE_KEY", secret)
        older = stack.registry.publish(*tiny_model.version([3.0] * 8))
        handler = tiny_model.endpoint()
        call = Caller(handler)
        with recorded() as found:
            request = call("POST", PREDICT, BODY, {"X-Subject": "a person"}).headers["X-Request-Id"]
            assert call("POST", INFER, {"inputs": json_inputs()}).status == 200
            assert call("POST", f"/v1/models/{NAME}/versions/{older}:predict", BODY).status == 200
            for path in (f"/v1/models/{NAME}", f"/v2/models/{NAME}", f"/v2/models/{NAME}/ready"):
                assert call("GET", path).status == 200
            call("POST", f"/v1/models/{NAME}:explain", BODY)
            for _ in range(2):
                assert call("POST", PREDICT, BODY, {"Idempotency-Key": '"a-key"'}).status == 200
            outcome = {"feedback": [{"id": f"{request}/0", "outcome": 1.0}]}
            assert call("POST", f"/v1/models/{NAME}:feedback", outcome).status == 200
            handler({"block": {"format": "csv", "header": "a", "data": "", "version": older}}, Context())
            handler.afterwards.drain()
            assert handler.sampler is not None
            handler.sampler.flush()
    return frozenset(found), secret


def case(role: str, model: str) -> Case:
    """The role of one model, with its name for the tiny model's."""
    found, secret = calls()
    arns = ARNS | {"SubjectKey": secret}
    return Case(role, found, arns, ((f"/{model}/", f"/{NAME}/"),), {"Subjects": "on"})
