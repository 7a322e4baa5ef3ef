"""What each scope of a caller permits, as routes of the API, and what no route tells the gateway.

The one place that says so: the authorizer turns the scopes of a token into a policy with it, and a test holds
the template's managed policies, which do the same for callers who sign, to it.
"""

from collections.abc import Collection, Iterable, Mapping

from maas.errors import AccessDenied

# A route is METHOD/path as in the ARNs of execute-api; `*` stands for anything, slashes included.
SCOPES: Mapping[str, tuple[str, ...]] = {
    # Cards, metadata, health, documentation. V2 asks for its list of models with a POST.
    "read": ("GET/*", "POST/v2/repository/index"),
    # V2 has one route for predictions and, as a parameter of them, explanations: see `demand`. The last one
    # is the console's, for files to be scored.
    "predict": ("POST/v1/models/*:predict", "POST/v2/models/*/infer", "POST/console/data/files/*"),
    "explain": ("POST/v1/models/*:explain",),
    # True outcomes: they decide what the monitor reports, and so whether a model is trained again.
    "operate": ("POST/v1/models/*:feedback",),
}
PREFIX = "maas/"


def granted(scopes: Iterable[str]) -> tuple[str, ...]:
    """Our scopes among those of a token, `maas/predict` and the like, without the prefix and in order."""
    held = set(scopes)
    return tuple(scope for scope in SCOPES if PREFIX + scope in held)


def routes(scopes: Iterable[str]) -> tuple[str, ...]:
    """The routes that scopes permit, each once."""
    return tuple(dict.fromkeys(route for scope in scopes for route in SCOPES[scope]))


def demand(scope: str, held: Collection[str] | None) -> None:
    """Let nobody pass whose token lacks a scope; `held` is None for those whom IAM judged by the route.

    Raises:
        AccessDenied: The scope is not among those of the token.
    """
    if held is not None and scope not in held:
        raise AccessDenied(f"This needs the scope {PREFIX}{scope}; docs/access.md says what each permits.")
