"""The operations of one model, in both dialects."""

from dataclasses import replace
from typing import Any

from cli.openapi import explanation, schema
from cli.openapi.operation import BYTES, JSON, Schema, compute, of_version, read, reference, report
from maas.capture.feedback import MOST_ITEMS
from maas.contract import Contract
from maas.endpoint import Endpoint
from maas.explain.options import MOST_ROWS
from maas.limits import Limits

_ANSWERED = {
    "X-Model-Version": reference("headers", "ModelVersion"),
    "X-Request-Id": reference("headers", "RequestId"),
    "Idempotent-Replayed": reference("headers", "Replayed"),
}
_JSON_LENGTH = {"Inference-Header-Content-Length": reference("headers", "JsonLength")}
_BINARY: Schema = {"schema": {"type": "string", "format": "binary"}}


class ModelDescription:
    """Paths and components of one model."""

    def __init__(self, endpoint: Endpoint[Any, Any]) -> None:
        self.name = endpoint.name
        self._contract: Contract[Any, Any] = endpoint.contract

    def tag(self) -> Schema:
        """The group that the operations appear in."""
        record = (self._contract.record.__doc__ or "").strip()
        answer = (self._contract.prediction.__doc__ or "").strip()
        return {"name": self.name, "description": f"Takes: {record} Gives: {answer}"}

    def schemas(self) -> dict[str, Schema]:
        """Records and predictions, and what is around them."""
        contract = self._contract
        instances = schema.instances(self._schema("Record"), contract.max_rows)
        made = {
            "Record": schema.record_of(contract),
            "Prediction": schema.prediction_of(contract),
            "Instances": instances,
            "Predictions": schema.predictions(self._schema("Prediction")),
            "ExplainRequest": explanation.explain_request(instances),
            "Explained": explanation.explained(self._schema("Prediction")),
            "InferRequest": schema.infer_request(contract),
            "InferResponse": schema.infer_response(contract),
        }
        if feedback := explanation.feedback(contract):
            made["Feedback"] = feedback
        return {self._named(what): one for what, one in made.items()}

    def request_bodies(self) -> dict[str, Schema]:
        """What is sent for predictions."""
        contract = self._contract
        instances = {"instances": [schema.instance_example(contract)]}
        pictures = dict.fromkeys(contract.raw, _BINARY)
        made: dict[str, Schema] = {
            "Predict": {JSON: self._content("Instances", instances), **pictures},
            "Explain": {JSON: self._content("ExplainRequest", instances), **pictures},
            "Infer": {JSON: self._content("InferRequest", schema.infer_example(contract)), BYTES: _BINARY},
        }
        if explanation.feedback(contract):
            made["Feedback"] = {JSON: self._content("Feedback", explanation.feedback_example(contract))}
        limits = contract.limits
        rows = {"Explain": MOST_ROWS, "Feedback": MOST_ITEMS}
        return {
            self._named(what): {
                "required": True,
                "description": _told(replace(limits, rows=rows.get(what, limits.rows))),
                "content": content,
            }
            for what, content in made.items()
        }

    def responses(self) -> dict[str, Schema]:
        """What comes back."""
        predictions = {"predictions": [schema.prediction_example(self._contract)]}
        inferred = schema.inferred_example(self._contract, self.name)
        return {
            self._named("Predict"): {
                "description": "Predictions, one per instance and in their order.",
                "headers": _ANSWERED,
                "content": {JSON: self._content("Predictions", predictions)},
            },
            self._named("Explain"): {
                "description": "Predictions, and for each where its first number comes from.",
                "headers": _ANSWERED,
                "content": {JSON: {"schema": self._schema("Explained")}},
            },
            self._named("Infer"): {
                "description": "Tensors with a row per row; as bytes behind the JSON where asked for.",
                "headers": _ANSWERED | _JSON_LENGTH,
                "content": {JSON: self._content("InferResponse", inferred), BYTES: _BINARY},
            },
        }

    def paths(self) -> dict[str, Schema]:
        """All operations, for the version in production and for a named one."""
        v1, v2 = f"/v1/models/{self.name}", f"/v2/models/{self.name}"
        limits = {"x-limits": self._contract.limits.document()}
        few = {"x-limits": replace(self._contract.limits, rows=MOST_ROWS).document()}
        predict = self._compute("Predict", "predict", title="Predict, by records", dialect="Problem")
        infer = self._compute("Infer", "predict", title="Predict, by tensors", dialect="Error")
        infer["description"] = "With the parameter `explain`, a token needs the scope `maas/explain` besides."
        explain = self._compute("Explain", "explain", title="Predict and explain", dialect="Problem")
        card = read("ModelCard", title="Model card", dialect="Problem")
        metadata = read("ModelMetadata", title="Inputs and outputs", dialect="Error")
        ready = read("ModelReady", title="Readiness", dialect="Error")
        # Both dialects put what is to be done behind the version; V1 with a colon.
        operations = [
            (v1, "", "get", "card", card),
            (v1, ":predict", "post", "predict", predict | limits),
            (v1, ":explain", "post", "explain", explain | few),
            (v2, "", "get", "metadata", metadata),
            (v2, "/ready", "get", "ready", ready),
            (v2, "/infer", "post", "infer", infer | limits),
        ]
        made: dict[str, Schema] = {}
        for base, action, method, verb, operation in operations:
            made[base + action] = {method: self._tagged(verb, operation)}
            one = self._tagged(f"{verb}_version", of_version(operation))
            made[f"{base}/versions/{{version}}{action}"] = {method: one}
        if explanation.feedback(self._contract):
            made[f"{v1}:feedback"] = {"post": self._tagged("feedback", report(self._named("Feedback")))}
        return made

    def _tagged(self, verb: str, operation: Schema) -> Schema:
        return {"operationId": f"{self.name}_{verb}", "tags": [self.name], **operation}

    def _compute(self, what: str, scope: str, *, title: str, dialect: str) -> Schema:
        name = self._named(what)
        return compute(name, name, title=title, dialect=dialect, scope=scope)

    def _content(self, what: str, example: Any) -> Schema:
        return {"schema": self._schema(what), "example": example}

    def _schema(self, what: str) -> Schema:
        return reference("schemas", self._named(what))

    def _named(self, what: str) -> str:
        return f"{self.name}.{what}"


def _told(limits: Limits) -> str:
    text = (
        f"At most {limits.rows} rows; {limits.sent_bytes} bytes as sent, compressed or not; "
        f"{limits.body_bytes} bytes after decompression; JSON {limits.json_depth} levels deep on V1; "
        f"an answer of {limits.answer_bytes} bytes."
    )
    texts = ", ".join(f"{name} {length}" for name, length in limits.text_length.items())
    text += f" Characters: {texts}." if texts else ""
    if limits.pixels:
        text += f" Pixels: {limits.pixels} in one picture, {limits.pixels_together} in all of a request."
    return text
