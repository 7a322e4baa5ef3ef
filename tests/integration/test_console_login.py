"""Who is calling, as the console's page shows it: signatures, tokens from a login, keys; in a browser."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser import Visit, needs_chromium, violations
from tests.console_site import CLIENT, LOGIN, Site

pytestmark = needs_chromium
NOW = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)
DATA = re.compile("/console/data/models$")
SIGN = """async (given) => {
  const { sign } = await import(new URL("console/sigv4.js", location.href).href);
  return sign({ ...given, url: new URL(given.url), now: new Date(given.now) });
}"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab of its own: nobody is logged in."""
    context = browser.new_context(locale="en-GB")
    yield context.new_page()
    context.close()


def settings(page: Page, **changes: Any) -> None:
    """Let the page believe that its stack is set up otherwise."""

    def answer(route: Route) -> None:
        route.fulfill(json=route.fetch().json() | changes)

    page.route("**/console/settings.json", answer)


@pytest.mark.parametrize("token", ["", "session/token+="])
@pytest.mark.parametrize(
    "asked",
    [
        ("POST", "/prod/v1/models/traffic_flow:predict", '{"instances": [{"weather": "雪 & rain"}]}'),
        ("GET", "/prod/v2/models/traffic_flow/ready", None),
        ("GET", "/prod/console/data/files/tiny/console/20261122T073000-ab/a%20b%2Bc.csv?b=2&a=x%20y", None),
    ],
)
def test_the_signature_is_the_one_botocore_makes(
    page: Page, site: Site, asked: tuple[str, str, str | None], token: str
) -> None:
    """The browser's signature, with a colon in the path and a body that is not ASCII, is botocore's."""
    method, path, body = asked
    page.goto(site.url)
    url = f"https://abcdef1234.execute-api.eu-west-1.amazonaws.com{path}"
    credentials = {"id": "AKID", "secret": "secret/+=", "token": token}
    given = {"method": method, "url": url, "region": "eu-west-1", "credentials": credentials}
    ours = page.evaluate(SIGN, given | {"now": NOW.isoformat()} | ({"body": body} if body else {}))
    theirs = AWSRequest(method=method, url=url, data=(body or "").encode())
    with mock.patch.object(botocore.auth, "get_current_datetime", return_value=NOW.replace(tzinfo=None)):
        botocore.auth.SigV4Auth(
            Credentials("AKID", "secret/+=", token or None), "execute-api", "eu-west-1"
        ).add_auth(theirs)
    assert ours["authorization"] == theirs.headers["Authorization"]
    assert ours["x-amz-date"] == theirs.headers["X-Amz-Date"]
    assert ours.get("x-amz-security-token", "") == token


def test_keys_that_were_typed_sign_the_requests(page: Page, site: Site) -> None:
    """With AWS_IAM the dialog takes access keys, and the next request is signed with them."""
    settings(page, authentication="AWS_IAM", api_key=True)
    page.goto(site.url)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Access key").fill("AKIAEXAMPLE")
    page.get_by_label("Secret key").fill("very secret")
    page.get_by_label("API key").fill(" shared-by-many ")
    with page.expect_request(DATA) as sent:
        page.get_by_role("dialog").get_by_role("button", name="Sign in").click()
    assert sent.value.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/")
    assert sent.value.headers["x-api-key"] == "shared-by-many"


def log_in(page: Page, site: Site, answer: str, token: dict[str, Any], status: int = 200) -> dict[str, Any]:
    """Press the button; the login page answers with this query, the place for tokens with this document."""
    seen: dict[str, Any] = {}

    def authorize(route: Route) -> None:
        seen["asked"] = {name: one[0] for name, one in parse_qs(urlsplit(route.request.url).query).items()}
        back = f"{seen['asked']['redirect_uri']}?{answer.format(**seen['asked'])}"
        refresh = f'<meta http-equiv="refresh" content="0; url={back.replace("&", "&amp;")}">'
        route.fulfill(body=refresh, content_type="text/html")

    def tokens(route: Route) -> None:
        seen["sent"] = {name: one[0] for name, one in parse_qs(route.request.post_data or "").items()}
        headers = {"Access-Control-Allow-Origin": "*"}
        route.fulfill(status=status, body=json.dumps(token), content_type="application/json", headers=headers)

    page.route(f"{LOGIN}/oauth2/authorize*", authorize)
    page.route(f"{LOGIN}/oauth2/token", tokens)
    page.goto(f"{site.url}#/models/tiny/card")
    page.get_by_role("button", name="Sign in").click()
    with page.expect_navigation(url=re.compile(r"\?(code|error)=")):
        page.get_by_role("button", name="Log in").click()
    expect(page.locator("main h1")).to_be_visible()
    return seen


def test_a_login_ends_with_a_token(page: Page, site: Site) -> None:
    """The code is exchanged with the verifier of this login; its token goes with all that is asked next."""
    seen = log_in(page, site, "code=a-code&state={state}", {"access_token": "the-token"})
    asked, sent = seen["asked"], seen["sent"]
    assert (asked["response_type"], asked["client_id"], asked["redirect_uri"]) == ("code", CLIENT, site.url)
    assert (sent["grant_type"], sent["code"], sent["redirect_uri"]) == (
        "authorization_code",
        "a-code",
        site.url,
    )
    digest = hashlib.sha256(sent["code_verifier"].encode()).digest()
    assert asked["code_challenge"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert (page.url, page.get_by_role("alert").count()) == (f"{site.url}#/models/tiny/card", 0)
    with page.expect_request(DATA) as request:
        page.get_by_role("link", name="Models", exact=True).click()
    assert request.value.headers["authorization"] == "Bearer the-token"
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        ("code=a-code&state=somebody-elses", 200, "not begun in this tab"),
        ("code=a-code", 200, "not begun in this tab"),
        ("error=access_denied&error_description=Not+today&state={state}", 200, "Not today"),
        ("error=access_denied&state={state}", 200, "access_denied"),
        ("code=a-code&state={state}", 400, "invalid_grant"),
    ],
)
def test_a_login_that_fails_says_why(page: Page, site: Site, answer: str, status: int, said: str) -> None:
    """Another state, a refusal and a worthless code leave a message, no token and a clean address."""
    document = {"error": "invalid_grant"} if status != 200 else {"access_token": "the-token"}
    seen = log_in(page, site, answer, document, status)
    expect(page.get_by_role("alert")).to_contain_text(f"Login failed: {said}" if "not" not in said else said)
    assert ("sent" in seen) == ("code" in answer and "{state}" in answer)
    assert page.evaluate("sessionStorage.length") == 0
    assert page.url == f"{site.url}#/models/tiny/card"


def test_an_answer_to_no_question_is_refused(page: Page, site: Site) -> None:
    """A link with somebody else's code does not log anybody in."""
    page.goto(f"{site.url}?code=theirs&state=theirs")
    expect(page.get_by_role("alert")).to_contain_text("not begun in this tab")
    assert page.url == site.url


@pytest.mark.parametrize("fault", ["abort", "503"])
def test_a_page_without_settings_says_so(page: Page, site: Site, fault: str) -> None:
    """Where the settings do not come there is a message and a way to try again, no empty page."""
    asked: list[str] = []
    page.route("**/console/data/**", lambda route: asked.append(route.request.url))
    problem = {"detail": "The console is being deployed."}
    page.route(
        "**/console/settings.json",
        lambda route: route.abort() if fault == "abort" else route.fulfill(status=503, json=problem),
    )
    page.goto(site.url)
    expect(page.get_by_role("heading", name="The page cannot read its settings")).to_be_visible()
    said = "does not answer" if fault == "abort" else "being deployed"
    expect(page.get_by_role("alert")).to_contain_text(said)
    assert asked == []
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="Models")).to_be_visible()


def test_whoever_is_refused_is_asked_who_they_are(page: Page, site: Site) -> None:
    """A 401 opens the dialog, which axe finds nothing wrong with and Escape closes."""
    problem = {"title": "Missing credentials", "detail": "Sign the request."}
    page.route("**/console/data/models", lambda route: route.fulfill(status=401, json=problem))
    settings(page, api_key=True)
    visit = Visit(page, site.url)
    visit.open()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("alert")).to_contain_text("Sign the request.")
