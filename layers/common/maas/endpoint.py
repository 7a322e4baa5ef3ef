"""A model's Lambda function, whole: everything between an event and an answer.

    handler = Endpoint("traffic_flow", Observation, Forecast, features, feature_names=FEATURES)

answers KServe V1 and Open Inference Protocol V2 through API Gateway, and `{"instances": [...]}` sent to the
function itself.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from maas.contract import Columns, Contract, Matrix, Prediction, Record
from maas.errors import MaasError
from maas.function import HttpFunction
from maas.serving import Served, Shelf

if TYPE_CHECKING:
    from maas.batch.scoring import Scorer
    from maas.protocol.problem import Reply
    from maas.protocol.request import Request
    from maas.protocol.v1 import V1
    from maas.protocol.v2 import V2
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
    ) -> None:
        super().__init__(name)
        self.contract = Contract(
            record, prediction, features, feature_names=feature_names, respond=respond, raw=raw
        )
        _register_snapshot_hooks(self)

    @cached_property
    def shelf(self) -> Shelf:
        """The versions this process holds."""
        return Shelf(
            self.name,
            self.contract,
            self.make_registry,
            threads=self.settings.threads,
            refresh_seconds=self.settings.refresh_seconds,
            report=self._kept_last_good,
        )

    def before_snapshot(self) -> None:
        """Load what every request needs, so that the snapshot holds it."""
        _ = self.handle, self.web, self._v2
        try:
            served = self.shelf.production()
            served.predict(self._v1.read_direct({"instances": served.manifest.golden.instances}))
        except MaasError as error:
            # A function may be deployed before its first version: it will look again when called.
            self.telemetry.logger.warning("no version in the snapshot", extra={"code": error.code})

    def after_restore(self) -> None:
        """Renew what a snapshot must not share: connections, and what was known about production."""
        self.shelf.restored()

    @cached_property
    def _v1(self) -> "V1":
        from maas.protocol.v1 import V1

        return V1(self.contract)

    @cached_property
    def _v2(self) -> "V2":
        from maas.protocol.v2 import V2

        return V2(self.contract)

    @cached_property
    def _scorer(self) -> "Scorer":
        from maas.batch.scoring import Scorer

        return Scorer(self.contract)

    def add_routes(self, web: "Web") -> None:
        """Both dialects' paths, for the version in production and for a named one."""
        v1, v2 = f"/v1/models/{self.name}", f"/v2/models/{self.name}"
        web.route("POST", f"{v1}:predict", self._predict)
        web.route("POST", f"{v1}/versions/<version>:predict", self._predict)
        web.route("GET", v1, self._card)
        web.route("GET", f"{v1}/versions/<version>", self._card)
        for base in (v2, f"{v2}/versions/<version>"):
            web.route("POST", f"{base}/infer", self._infer)
            web.route("GET", f"{base}/ready", self._ready)
            web.route("GET", base, self._metadata)

    def direct(self, event: Any) -> dict[str, Any]:
        """`{"instances": [...]}` without HTTP around it, or `{"block": {...}}`, rows of a file."""
        if isinstance(event, dict) and "block" in event:
            return self._score_block(event)
        columns = self._v1.read_direct(event)
        served = self._served(None)
        return {**self._v1.write(self._answer(served, columns)), "model_version": served.version}

    def _score_block(self, event: Any) -> dict[str, Any]:
        from maas.batch.scoring import Block

        block = Block.read(event)
        served = self._served(block.version)
        answer = self._scorer.score(block, lambda columns: self._answer(served, columns))
        return {**answer, "model_version": served.version}

    def _predict(self, request: "Request", version: str | None = None) -> "Reply":
        from maas.web import json_reply

        columns = self._v1.read(request)
        served = self._served(version)
        answer = self._v1.write(self._answer(served, columns))
        return json_reply(answer, headers={"X-Model-Version": served.version})

    def _infer(self, request: "Request", version: str | None = None) -> "Reply":
        wanted = self._v2.read(request)
        served = self._served(version)
        return self._v2.write(
            self._answer(served, wanted.columns), wanted, model=self.name, version=served.version
        )

    def _card(self, _: "Request", version: str | None = None) -> "Reply":
        from maas.card import card
        from maas.web import json_reply

        return json_reply(card(self._served(version).manifest, self.contract))

    def _metadata(self, _: "Request", version: str | None = None) -> "Reply":
        from maas.web import json_reply

        manifest = self._served(version).manifest
        return json_reply(self._v2.metadata(manifest))

    def _ready(self, _: "Request", version: str | None = None) -> "Reply":
        from maas.web import json_reply

        self._served(version)
        return json_reply({"name": self.name, "ready": True})

    def _served(self, version: str | None) -> Served:
        with self.telemetry.segment("load"):
            return self.shelf.production() if version is None else self.shelf.version(version)

    def _answer(self, served: Served, columns: Columns) -> Columns:
        with self.telemetry.segment("predict"):
            answers = served.predict(columns)
        self.telemetry.count("Predictions", len(next(iter(answers.values()))))
        self.telemetry.logger.append_keys(model_version=served.version)
        return answers

    def _kept_last_good(self, error: MaasError) -> None:
        self.telemetry.count("KeptLastGood")
        self.telemetry.logger.error(
            "kept the last good version", extra={"code": error.code, "reason": error.detail}
        )


def _register_snapshot_hooks(endpoint: Endpoint[Any, Any]) -> None:
    # The module is part of Lambda's runtime; elsewhere there is no snapshot to prepare for.
    try:
        import snapshot_restore_py as snapshot
    except ImportError:
        return
    snapshot.register_before_snapshot(endpoint.before_snapshot)
    snapshot.register_after_restore(endpoint.after_restore)
