"""MiniStack with what API Gateway does and MiniStack 1.5 does not: the child process behind `cli.emulator`.

The template stays as the cloud needs it; the emulator is brought up to it here instead. Each function below
replaces one of MiniStack's, and its docstring says what was missing. If a new release renames one, starting
fails at once.
"""

from contextvars import ContextVar
from typing import Any

from ministack import app  # type: ignore[import-untyped]
from ministack.core import iam_evaluator  # type: ignore[import-untyped]
from ministack.services import apigateway_v1 as gateway  # type: ignore[import-untyped]
from ministack.services.cloudformation import (  # type: ignore[import-untyped]
    changesets,
    engine,
    handlers,
    provisioners,
)
from samtranslator.translator import transform as translator  # type: ignore[import-untyped]

# What OpenAPI calls a method that answers every verb in API Gateway's dialect.
ANY_METHOD = "x-amazon-apigateway-any-method"

_parameters: ContextVar[dict[str, str]] = ContextVar("parameters")

# What they replace.
_apply_transforms = engine._apply_transforms  # noqa: SLF001 - there is no public place to hook in
_transform = translator.transform
_import_rest_api = gateway._import_rest_api  # noqa: SLF001
_import_path_item = gateway._import_path_item  # noqa: SLF001
_media_type_matches = gateway._media_type_matches  # noqa: SLF001
_enforce_execute_api = app._enforce_execute_api  # noqa: SLF001
_alarm_record = provisioners._cw_metric_alarm_record  # noqa: SLF001


def apply_transforms(template: dict[str, Any], provided: Any = None, previous: Any = None) -> dict[str, Any]:
    """The SAM transform saw the parameters' defaults, not their values."""
    _parameters.set(engine._transform_parameters(template, provided, previous))  # noqa: SLF001
    transformed: dict[str, Any] = _apply_transforms(template, provided, previous)
    return transformed


def transform(template: dict[str, Any], _defaults: Any, policies: Any) -> dict[str, Any]:
    """The second half of `apply_transforms`; SAM exempts no route where there is no authentication."""
    parameters = _parameters.get()
    if not parameters.get("Authentication"):
        for resource in template["Resources"].values():
            for event in resource.get("Properties", {}).get("Events", {}).values():
                if event["Properties"].get("Auth") == {"Authorizer": "NONE"}:
                    del event["Properties"]["Auth"]
    transformed: dict[str, Any] = _transform(template, parameters, policies)
    return transformed


def import_rest_api(spec: dict[str, Any], base_data: dict[str, Any] | None = None) -> str:
    """Gateway responses and binary media types inside the OpenAPI body were ignored."""
    binary = spec.get("x-amazon-apigateway-binary-media-types", [])
    api_id: str = _import_rest_api(spec, {**(base_data or {}), "binaryMediaTypes": binary})
    for kind, response in spec.get("x-amazon-apigateway-gateway-responses", {}).items():
        gateway._put_gateway_response(api_id, kind, response)  # noqa: SLF001
    return api_id


def import_path_item(
    api_id: str, path: str, item: dict[str, Any], schemes: Any = None, security: Any = None
) -> None:
    """Operations for any method were ignored, so every route of ours answered 403."""
    _import_path_item(api_id, path, item, schemes, security)
    operation = item.get(ANY_METHOD)
    if operation is None:
        return
    resources = gateway._resources[api_id]  # noqa: SLF001
    resource = next(key for key, value in resources.items() if value["path"] == path)
    gateway._import_operation(api_id, resource, "ANY", operation, schemes, security)  # noqa: SLF001


def media_type_matches(media_type: str | None, binary_media_types: list[str]) -> bool:
    """A body without Content-Type, which tritonclient sends, was decoded as UTF-8 and so destroyed.

    With `*/*` API Gateway treats every body as binary, named or not.
    """
    matched: bool = "*/*" in binary_media_types or _media_type_matches(media_type, binary_media_types)
    return matched


def alarm_record(name: str, properties: dict[str, Any]) -> Any:
    """Alarms on what is computed of several metrics were refused; they watch the first of them."""
    metrics = [entry["MetricStat"] for entry in properties.get("Metrics", ()) if "MetricStat" in entry]
    if metrics:
        first = metrics[0]
        one = {**first["Metric"], "Statistic": "Sum", "Period": first["Period"]}
        properties = {key: value for key, value in properties.items() if key != "Metrics"} | one
    return _alarm_record(name, properties)


def enforce_execute_api(*request: Any, **action: str) -> Any:
    """A caller whose policies do not permit a call got the emulator's words instead of the API's own."""
    refused = _enforce_execute_api(*request, **action)
    if refused is None or b"AccessDeniedException" not in refused[2]:
        return refused
    api_id, stage, _method, _path, headers, query = request[:6]
    error = iam_evaluator.AuthError("AccessDeniedException", "")
    return gateway.authentication_error_response(api_id, stage, error, headers, query)


def pin_request_origin(source_ip: str, _secure_transport: object) -> None:
    """Loopback counts as TLS: buckets and queues refuse whatever comes without it."""
    iam_evaluator._request_origin.set((source_ip, True))  # noqa: SLF001


def install() -> None:
    """Put the replacements in place."""
    app.pin_request_origin = pin_request_origin
    app._enforce_execute_api = enforce_execute_api  # noqa: SLF001
    provisioners._cw_metric_alarm_record = alarm_record  # noqa: SLF001
    denied = ("ACCESS_DENIED", "AccessDeniedException")
    gateway._AUTHENTICATION_GATEWAY_ERRORS["AccessDeniedException"] = denied  # noqa: SLF001
    # The emulator's own services call each other outside of any request.
    iam_evaluator._request_origin = ContextVar("origin", default=("127.0.0.1", True))  # noqa: SLF001
    for module in (engine, changesets, handlers):
        module._apply_transforms = apply_transforms  # noqa: SLF001
    translator.transform = transform
    gateway._import_rest_api = import_rest_api  # noqa: SLF001
    gateway._import_path_item = import_path_item  # noqa: SLF001
    gateway._media_type_matches = media_type_matches  # noqa: SLF001


if __name__ == "__main__":
    install()
    app.main()
