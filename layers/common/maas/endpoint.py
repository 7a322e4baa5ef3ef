"""A model's Lambda function, whole: everything between an event and an answer.

    handler = Endpoint("traffic_flow", Observation, Forecast, features, feature_names=FEATURES)

answers KServe V1 and Open Inference Protocol V2 through API Gateway, and `{"instances": [...]}` sent to the
function itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from maas import snapshot
from maas.access import demand
from maas.capture.settings import pseudonyms, sampler_of
from maas.contract import Columns, Contract, Matrix, Prediction, Record
from maas.errors import MaasError, reason_of
from maas.function import HttpFunction
from maas.limits import ROWS
from maas.predictor import Predictor
from maas.settings import runtime_api

if TYPE_CHECKING:
    from maas.afterwards import Afterwards
    from maas.batch.scoring import Scorer
    from maas.capture.sampler import Sampler
    from maas.explain.declared import Declared
    from maas.explain.service import Explanations
    from maas.masking import Pseudonyms
    from maas.protocol.problem import Reply
    from maas.protocol.request import Request
    from maas.protocol.v1 import V1
    from maas.protocol.v2 import V2
    from maas.traffic import Answer
    from maas.web import Web


class Endpoint[R: Record, P: Prediction](HttpFunction):
    """The handler of one model's function.

    Nothing heavy is imported and no client is made before the first event (or the snapshot), so that
    training can read `contract` from the same object at no cost.

    Args:
        name: The model's name: its folder, S3 prefix, URL segment and metric dimension.
        record: One instance.
        prediction: What comes back for it.
        features: n records, as columns, to the model's matrix.
        feature_names: The matrix's columns, in order.
        respond: The model's outputs to the prediction's fields, where they differ.
        raw: Media types whose whole body is one record, each with the text field that holds it as base64:
            `{"image/png": "image"}` lets people send a picture as it is.
        max_rows: Records in one request.
        explained: How records are looked at, where they are pictures or weighed texts.
    """

    def __init__(
        self,
        name: str,
        record: type[R],
        prediction: type[P],
        features: Callable[[Columns], Matrix],
        *,
        feature_names: Sequence[str],
        respond: Callable[[Columns], Columns] | None = None,
        raw: Mapping[str, str] | None = None,
        max_rows: int = ROWS,
        explained: "Declared | None" = None,
    ) -> None:
        super().__init__(name)
        self.contract = Contract(
            record,
            prediction,
            features,
            feature_names=feature_names,
            respond=respond,
            raw=raw,
            max_rows=max_rows,
        )
        self.explained = explained
        snapshot.register(self.before_snapshot, self.after_restore)
        if runtime_api(name) is not None:
            # Lambda takes extensions only while it initialises the function, which is now.
            _ = self.afterwards

    @cached_property
    def predictor(self) -> Predictor:
        """The versions this process holds, and which one answers what."""
        return Predictor(
            self.name,
            self.contract,
            self.make_registry,
            settings=self.settings,
            telemetry=self.telemetry,
            afterwards=lambda: self.afterwards,
            sampler=self.sampler,
        )

    @cached_property
    def sampler(self) -> "Sampler | None":
        """What captures requests; None where none are captured."""
        return sampler_of(self.name, self.contract, lambda: self.data_store.bucket, self.telemetry)

    @cached_property
    def pseudonyms(self) -> "Pseudonyms | None":
        """What hashes callers' names for people; None where the stack has no key for it."""
        return pseudonyms() if self.sampler is None else self.sampler.pseudonyms

    def about(self, request: "Request") -> str | None:
        """The hash of whom a request is about; None where it does not say, or there is no key."""
        if request.subject is None or self.pseudonyms is None:
            return None
        from maas.capture.record import subject_hash

        return subject_hash(self.pseudonyms, request.subject)

    @cached_property
    def afterwards(self) -> "Afterwards":
        """Where work goes that callers are not to wait for."""
        from maas.afterwards import Afterwards

        return Afterwards.here(
            self.name,
            failed=lambda error: self.telemetry.apart(
                "AfterwardsFailed", "work failed", reason=reason_of(error)
            ),
            dropped=lambda: self.telemetry.count("AfterwardsDropped"),
        )

    def __call__(self, event: Any, context: Any) -> Any:
        """Answer one event; what is to be done afterwards may begin then."""
        try:
            return super().__call__(event, context)
        finally:
            if "afterwards" in vars(self):
                self.afterwards.answered(getattr(context, "aws_request_id", None))

    def before_snapshot(self) -> None:
        """Load what every request needs, so that the snapshot holds it."""
        _ = self.handle, self.web, self._v2
        try:
            served = self.predictor.served(None)
            served.predict(self._v1.read_direct({"instances": served.manifest.golden.instances}))
        except MaasError as error:
            # A function may be deployed before its first version: it will look again when called.
            self.telemetry.logger.warning("no version in the snapshot", extra={"code": error.code})

    def after_restore(self) -> None:
        """Renew what a snapshot must not share: connections, and what was known about production."""
        self.predictor.shelf.restored()
        if self.sampler is not None:
            self.sampler.renew()
        self.telemetry.restored()
        self.__dict__.pop("data_store", None)

    @cached_property
    def _v1(self) -> "V1":
        from maas.protocol.v1 import V1

        return V1(self.contract)

    @cached_property
    def _v2(self) -> "V2":
        from maas.protocol.v2 import V2

        return V2(self.contract)

    @cached_property
    def _explanations(self) -> "Explanations":
        from maas.explain.service import Explanations

        return Explanations(self.contract, self.explained, self.predictor, self.settings, self.telemetry)

    @cached_property
    def _scorer(self) -> "Scorer":
        from maas.batch.scoring import Scorer

        return Scorer(self.contract)

    def add_routes(self, web: "Web") -> None:
        """Both dialects' paths, for the version in production and for a named one."""
        v1, v2 = f"/v1/models/{self.name}", f"/v2/models/{self.name}"
        predict, explain, infer = map(self.repeatable, (self._predict, self._explain, self._infer))
        web.route("POST", f"{v1}:predict", predict)
        web.route("POST", f"{v1}/versions/<version>:predict", predict)
        web.route("POST", f"{v1}:explain", explain, timed_as="ExplainLatency")
        web.route("POST", f"{v1}/versions/<version>:explain", explain, timed_as="ExplainLatency")
        web.route("POST", f"{v1}:feedback", self.repeatable(self._feedback), timed_as="OtherLatency")
        web.route("GET", v1, self._card, timed_as="OtherLatency")
        web.route("GET", f"{v1}/versions/<version>", self._card, timed_as="OtherLatency")
        for base in (v2, f"{v2}/versions/<version>"):
            web.route("POST", f"{base}/infer", infer)
            web.route("GET", f"{base}/ready", self._ready, timed_as="OtherLatency")
            web.route("GET", base, self._metadata, timed_as="OtherLatency")

    def direct(self, event: Any, request_id: str) -> dict[str, Any]:
        """`{"instances": [...]}` without HTTP around it, or `{"block": {...}}`, rows of a file."""
        if isinstance(event, dict) and "block" in event:
            return self._score_block(event, request_id)
        answer = self.predictor.answer(self._v1.read_direct(event), request_id)
        return {**self._v1.write(answer.columns), "model_version": answer.served.version}

    def _score_block(self, event: Any, request_id: str) -> dict[str, Any]:
        from maas.batch.scoring import Block

        self.telemetry.timed_as("BlockLatency")
        block = Block.read(event)
        served = self.predictor.served(block.version)
        answer = self._scorer.score(block, lambda columns: self.predictor.pinned(served, columns, request_id))
        return {**answer, "model_version": served.version}

    def _predict(self, request: "Request", version: str | None = None) -> "Reply":
        from maas.web import json_reply

        answer = self._answered(self._v1.read(request), request, version)
        return json_reply(self._v1.write(answer.columns), headers={"X-Model-Version": answer.served.version})

    def _infer(self, request: "Request", version: str | None = None) -> "Reply":
        wanted = self._v2.read(request)
        if wanted.explain is not None:
            self.telemetry.timed_as("ExplainLatency")
            demand("explain", request.scopes)
        answer = self._answered(wanted.columns, request, version)
        name = answer.served.version
        columns = answer.columns if wanted.explain is None else self._explanations.beside(answer, wanted)
        reply = self._v2.write(columns, wanted, model=self.name, version=name)
        return replace(reply, headers={**reply.headers, "X-Model-Version": name})

    def _answered(self, columns: Columns, request: "Request", version: str | None) -> "Answer":
        return self.predictor.answer(columns, request.request_id, version, subject=request.subject)

    def _explain(self, request: "Request", version: str | None = None) -> "Reply":
        columns, options = self._explanations.read(request)
        return self._explanations.reply(self._answered(columns, request, version), columns, options)

    def _feedback(self, request: "Request") -> "Reply":
        from maas.capture.feedback import Feedback
        from maas.web import json_reply

        feedback = Feedback(self.name, self.contract, self.data_store, self.about)
        return json_reply({"accepted": feedback.keep(request)})

    def _card(self, _: "Request", version: str | None = None) -> "Reply":
        from maas.card import card
        from maas.web import json_reply

        return json_reply(card(self.predictor.served(version).manifest, self.contract))

    def _metadata(self, _: "Request", version: str | None = None) -> "Reply":
        from maas.web import json_reply

        manifest = self.predictor.served(version).manifest
        return json_reply(self._v2.metadata(manifest))

    def _ready(self, _: "Request", version: str | None = None) -> "Reply":
        from maas.web import json_reply

        self.predictor.served(version)
        return json_reply({"name": self.name, "ready": True})
