"""MiniStack with what API Gateway does and MiniStack 1.5 does not: the child process behind `cli.emulator`.

The template stays as the cloud needs it; the emulator is brought up to it here instead. Each function below
replaces one of MiniStack's, and its docstring says what was missing. If a new release renames one, starting
fails at once.
"""

from contextvars import ContextVar
from typing import Any

from ministack import app  # type: ignore[import-untyped]
from ministack.services import apigateway_v1 as gateway  # type: ignore[import-untyped]
from ministack.services.cloudformation import changesets, engine, handlers  # type: ignore[import-untyped]
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


def apply_transforms(template: dict[str, Any], provided: Any = None, previous: Any = None) -> dict[str, Any]:
    """The SAM transform saw the parameters' defaults, not their values."""
    _parameters.set(engine._transform_parameters(template, provided, previous))  # noqa: SLF001
    transformed: dict[str, Any] = _apply_transforms(template, provided, previous)
    return transformed


def transform(template: dict[str, Any], _defaults: Any, policies: Any) -> dict[str, Any]:
    """The second half of `apply_transforms`."""
    transformed: dict[str, Any] = _transform(template, _parameters.get(), policies)
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


def install() -> None:
    """Put the replacements in place."""
    for module in (engine, changesets, handlers):
        module._apply_transforms = apply_transforms  # noqa: SLF001
    translator.transform = transform
    gateway._import_rest_api = import_rest_api  # noqa: SLF001
    gateway._import_path_item = import_path_item  # noqa: SLF001
    gateway._media_type_matches = media_type_matches  # noqa: SLF001


if __name__ == "__main__":
    install()
    app.main()
