"""`maas login` and `maas logout`: a token for an API that asks for one."""

import json
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from cli import console
from cli.deployment import StackOption
from cli.failure import CommandError
from cli.target import JsonOption, UrlOption, resolve

_ADVICE = "check the client's name, its secret and the scopes it was given."

TokenUrlOption = Annotated[
    str | None,
    typer.Option(
        "--token-url",
        envvar="MAAS_TOKEN_URL",
        metavar="https://...",
        help="Where tokens are handed out: the stack's output TokenUrl, or your issuer's token_endpoint.",
    ),
]


def login(
    client_id: Annotated[
        str, typer.Option("--client-id", envvar="MAAS_CLIENT_ID", help="The client that the issuer knows.")
    ],
    *,
    client_secret: Annotated[
        str | None,
        typer.Option(
            "--client-secret",
            envvar="MAAS_CLIENT_SECRET",
            help="Its secret; asked for where it is not given, so that no shell remembers it.",
        ),
    ] = None,
    token_url: TokenUrlOption = None,
    scope: Annotated[
        str | None,
        typer.Option("--scope", help="Scopes to ask for, with blanks; by default all the client may have."),
    ] = None,
    audience: Annotated[
        str | None, typer.Option("--audience", help="For issuers that ask whom the token is for.")
    ] = None,
    url: UrlOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Get a token for the API by the OAuth 2.0 client credentials grant, and keep it for the other commands.

    `maas predict` and its fellows send it until it expires. MAAS_TOKEN in the environment comes before it.
    """
    from cli.logins import Logins

    target = resolve(url=url, stack=stack)
    address = target.url
    asked = token_url or target.outputs.get("TokenUrl")
    if not asked:
        raise CommandError(
            "No address to ask for a token.",
            next_step="give --token-url: the stack's output TokenUrl, or your issuer's token_endpoint.",
        )
    secret = client_secret or typer.prompt("Client secret", hide_input=True)
    answer = request_token(asked, client_id, secret, scope=scope, audience=audience)
    seconds = float(answer.get("expires_in", 300))
    Logins.of_this_user().keep(address, str(answer["access_token"]), seconds)
    granted = str(answer.get("scope", scope or ""))
    if as_json:
        console.emit({"url": address, "seconds": seconds, "scope": granted})
        return
    console.say(f"Logged in to {address} for {seconds / 60:.0f} minutes.", style="bold green")
    if granted:
        console.say(f"  scopes: {granted}")


def logout(
    url: UrlOption = None,
    stack: StackOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Forget the token for the API. The issuer is not told: a token ends by itself."""
    from cli.logins import Logins

    address = resolve(url=url, stack=stack).url
    found = Logins.of_this_user().forget(address)
    if as_json:
        console.emit({"url": address, "found": found})
    else:
        console.say(f"Logged out of {address}." if found else f"There was no login to {address}.")


def request_token(
    token_url: str, client_id: str, client_secret: str, *, scope: str | None, audience: str | None
) -> dict[str, Any]:
    """Ask for a token (RFC 6749, 4.4); the secret goes into the Authorization header, as 2.3.1 prefers.

    Raises:
        CommandError: The address is not confidential, does not answer, or refuses.
    """
    import urllib3

    from cli.credentials import confidential

    if not confidential(token_url):
        raise CommandError(f"The secret would travel to {token_url} in the clear.", next_step="use https://.")
    form = {"grant_type": "client_credentials"}
    form |= {name: value for name, value in (("scope", scope), ("audience", audience)) if value}
    headers = urllib3.make_headers(basic_auth=f"{client_id}:{client_secret}")
    try:
        response = urllib3.request(
            "POST",
            token_url,
            body=urlencode(form),
            headers={**headers, "Content-Type": "application/x-www-form-urlencoded"},
            redirect=False,  # a redirect would carry the secret elsewhere
            timeout=10,
        )
    except urllib3.exceptions.HTTPError as error:
        raise CommandError(
            f"{token_url} does not answer ({type(error).__name__}).", next_step="check the address."
        ) from error
    try:
        answer = json.loads(response.data)
    except ValueError:
        answer = {}
    if response.status != 200 or not isinstance(answer, dict) or "access_token" not in answer:  # noqa: PLR2004
        reason = answer.get("error", "no explanation given") if isinstance(answer, dict) else "no token"
        raise CommandError(f"No token, HTTP {response.status}: {reason}", next_step=_ADVICE)
    return answer
