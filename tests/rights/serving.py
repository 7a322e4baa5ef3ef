"""Drives a model's function. The tiny model stands in for each: their roles differ in the model's name alone."""

from functools import cache

from tests import tiny_model
from tests.lambda_events import Caller, Context
from tests.rights.calls import Call, recorded
from tests.rights.roles import Case
from tests.rights.world import ARNS, world
from tests.tiny_model import INSTANCES, NAME
from tests.tiny_requests import INFER, PREDICT, json_inputs

BODY = {"instances": INSTANCES}


@cache
def calls() -> frozenset[Call]:
    """What a model's function does: a cold start, every kind of request, a version by name, a repetition."""
    with world() as stack:
        older = stack.registry.publish(*tiny_model.version([3.0] * 8))
        handler = tiny_model.endpoint()
        call = Caller(handler)
        with recorded() as found:
            assert call("POST", PREDICT, BODY).status == 200
            assert call("POST", INFER, {"inputs": json_inputs()}).status == 200
            assert call("POST", f"/v1/models/{NAME}/versions/{older}:predict", BODY).status == 200
            for path in (f"/v1/models/{NAME}", f"/v2/models/{NAME}", f"/v2/models/{NAME}/ready"):
                assert call("GET", path).status == 200
            call("POST", f"/v1/models/{NAME}:explain", BODY)
            for _ in range(2):
                assert call("POST", PREDICT, BODY, {"Idempotency-Key": '"a-key"'}).status == 200
            handler({"block": {"format": "csv", "header": "a", "data": "", "version": older}}, Context())
            handler.afterwards.drain()
    return frozenset(found)


def case(role: str, model: str) -> Case:
    """The role of one model, with its name for the tiny model's."""
    return Case(role, calls(), ARNS, renamed=((f"/{model}/", f"/{NAME}/"),))
