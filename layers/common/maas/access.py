"""What each scope of a caller permits, as routes of the API.

The one place that says so: the authorizer turns the scopes of a token into a policy with it, and a test holds
the template's managed policies, which do the same for callers who sign, to it.
"""

from collections.abc import Iterable, Mapping

# A route is METHOD/path as in the ARNs of execute-api; `*` stands for anything, slashes included.
SCOPES: Mapping[str, tuple[str, ...]] = {
    # Cards, metadata, health, documentation. V2 asks for its list of models with a POST.
    "read": ("GET/*", "POST/v2/repository/index"),
    # V2 has one route for predictions and, as a parameter of them, explanations. The last one is the
    # console's, for files to be scored.
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
