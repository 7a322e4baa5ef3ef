"""How explanations are asked for and answered in both dialects.

V1: `POST .../{model}:explain` with `{"instances": [...], "parameters": {...}}`, answered with
`{"predictions": [...], "explanations": [...]}`. V2 has no such call: `"parameters": {"explain": true}` of an
`infer` request adds the output `explanation`, one JSON text per row, which every client can read as BYTES.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, create_model

from maas.contract import Columns
from maas.errors import FieldError, MalformedBody
from maas.explain.options import Options
from maas.protocol.request import Request
from maas.protocol.tensor import invalid
from maas.protocol.v1 import V1

OUTPUT = "explanation"
DATATYPE = "BYTES"
_PREFIX = "explain_"


class ExplainV1(V1):
    """Reads `:explain` requests."""

    def read_with_options(self, request: Request) -> tuple[Columns, Options]:
        """The columns of a request and how they are to be explained; errors as in `V1.read`.

        Raises:
            MalformedBody: A parameter is no JSON.
            InvalidRequest: A parameter is unknown, or has no usable value.
        """
        columns = self.read(request)
        if request.media_type in self._contract.raw:
            return columns, Options()
        try:
            document = orjson.loads(request.body())
        except orjson.JSONDecodeError as error:
            # Of parameters, pydantic's parser takes NaN and infinity, which are no JSON.
            detail = f"not valid JSON: {error}"
            raise MalformedBody(f"The body is {detail}.", errors=[FieldError("", detail)]) from None
        return columns, Options.read(document.get("parameters"))

    @cached_property
    def _envelope(self) -> TypeAdapter[BaseModel]:
        instances = Annotated[
            list[self._contract.record],  # type: ignore[name-defined]
            Field(min_length=1, max_length=self._contract.max_rows),
        ]
        config = ConfigDict(extra="forbid", strict=True)
        fields: Any = {"instances": (instances, ...), "parameters": (Any, None)}
        return TypeAdapter(create_model("ExplainedInstances", __config__=config, **fields))


def asked(given: Mapping[str, Any]) -> Options | None:
    """The options of a V2 request that asks for explanations, from its parameters; None where it does not.

    Raises:
        InvalidTensor: `explain` is neither true nor false.
        InvalidRequest: An option is unknown, or has no usable value.
    """
    wanted = given.get("explain", False)
    if type(wanted) is not bool:
        raise invalid("/parameters/explain", "must be true or false")
    if not wanted:
        return None
    return Options.read(
        {name: value for name, value in given.items() if name.startswith(_PREFIX)}, prefix=_PREFIX
    )


def column(documents: list[dict[str, Any]]) -> NDArray[Any]:
    """Explanations as a column of JSON texts."""
    return np.array([orjson.dumps(one).decode() for one in documents], object)
