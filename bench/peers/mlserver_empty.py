"""MLServer's handler that does nothing."""

from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse


class Empty(MLModel):  # noqa: D101
    async def load(self) -> bool:  # noqa: D102
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:  # noqa: ARG002, D102
        return InferenceResponse(model_name=self.name, outputs=[])
