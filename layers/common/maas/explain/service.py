"""Explanations as a function gives them: an explainer for each version it serves, made at first use."""

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from maas.contract import Columns, Contract
from maas.explain.budget import LONGEST
from maas.explain.declared import Declared
from maas.explain.explainer import Explainer
from maas.explain.model import Model
from maas.explain.options import Options
from maas.predictor import Predictor
from maas.protocol.explain import OUTPUT, ExplainV1, column
from maas.protocol.problem import Reply
from maas.protocol.request import Request
from maas.protocol.v2 import InferRequest
from maas.serving import Served
from maas.settings import Settings
from maas.traffic import Answer

if TYPE_CHECKING:
    from maas.telemetry import Telemetry

_KEPT_VERSIONS = 3  # production's, the canary's, and one that was asked for by name


class Explanations:
    """Explains answers of any version that the function serves.

    Args:
        contract: What all versions fit.
        declared: What the function declares of how records are looked at.
        predictor: Has the registry.
        settings: Of the function.
        telemetry: Is told how many were given.
    """

    def __init__(
        self,
        contract: Contract[Any, Any],
        declared: Declared | None,
        predictor: Predictor,
        settings: Settings,
        telemetry: "Telemetry",
    ) -> None:
        self._contract, self._declared, self._predictor = contract, declared, predictor
        self._settings, self._telemetry = settings, telemetry
        self._v1 = ExplainV1(contract)
        self._explainers: OrderedDict[str, Explainer] = OrderedDict()  # by digest, used last at the end

    def read(self, request: Request) -> tuple[Columns, Options]:
        """The columns of a `:explain` request and how they are to be explained; errors as in `ExplainV1`."""
        return self._v1.read_with_options(request)

    def reply(self, answer: Answer, columns: Columns, options: Options) -> Reply:
        """The answer to a `:explain` request; errors as in `of`."""
        from maas.web import json_reply

        found = {"explanations": self.of(columns, options, answer.served)}
        headers = {"X-Model-Version": answer.served.version}
        return json_reply(self._v1.write(answer.columns) | found, headers=headers)

    def beside(self, answer: Answer, wanted: InferRequest) -> Columns:
        """The columns of a V2 answer, with explanations as one more; errors as in `of`."""
        documents = self.of(wanted.columns, wanted.explain or Options(), answer.served)
        return {**answer.columns, OUTPUT: column(documents)}

    def of(self, columns: Columns, options: Options, served: Served) -> list[dict[str, Any]]:
        """One document per record, in their order.

        Raises:
            PayloadTooLarge: There are more records, or samples for them, than can be explained in time.
            InvalidRequest: The options do not fit the model.
            InvalidRecord: A record cannot be computed.
            IntegrityError, RegistryUnavailable: What the version needs for it cannot be read.
        """
        count = len(next(iter(columns.values())))
        options.limit(count)
        with self._telemetry.segment("explain"):
            accounts = self._explainer(served).explain(columns, options, until=time.monotonic() + LONGEST)
        self._telemetry.count("Explanations", count)
        return [account.document(self._settings.round_digits) for account in accounts]

    def _explainer(self, served: Served) -> Explainer:
        digest = served.manifest.digest
        if digest not in self._explainers:
            model = Model.load(
                self._contract,
                served.manifest,
                served.session,
                self._predictor.shelf.registry.blob,
                threads=self._settings.threads,
            )
            explainer = Explainer(model, self._declared)
            explainer.warm()
            self._explainers[digest] = explainer
        self._explainers.move_to_end(digest)
        while len(self._explainers) > _KEPT_VERSIONS:
            self._explainers.popitem(last=False)
        return self._explainers[digest]
