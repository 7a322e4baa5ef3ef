"""The console page in a real browser, against the deployed stack with every model in it."""

import ast
import base64
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import pytest
from playwright.sync_api import Browser, expect

from maas.manifest import Manifest
from maas.registry import Registry
from maas.store import ObjectStore
from tests.browser import WAIT, Visit, chromium, needs_chromium, run, violations
from tests.trained_models import endpoints, trained

if TYPE_CHECKING:
    from conftest import LocalStack

pytestmark = needs_chromium
MODELS = sorted(endpoints())
WHY = re.compile(":explain$")
TABS = ("", "/card", "/versions", "/drift", "/files", "/cost")


@pytest.fixture(scope="module")
def url(stack: "LocalStack") -> str:
    """The page's address; every model is in production behind it, one of them with a canary."""
    registry = Registry(ObjectStore(stack.models_bucket, cast("Any", stack.client("s3"))))
    for name in MODELS:
        model = trained(name)
        model.publish(registry)
        registry.promote(name, model.manifest.digest, actor="test", reason="for the console")
    return f"{stack.api_url}/"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for all tests here."""
    with chromium() as started:
        yield started


@pytest.fixture
def visit(browser: Browser, url: str) -> Iterator[Visit]:
    """A visitor with a light screen and English words; at the end nothing may have gone wrong."""
    context = browser.new_context(locale="en-GB", color_scheme="light")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit = Visit(context.new_page(), url)
    yield visit
    context.close()
    assert visit.faults == []


def test_the_catalogue_shows_every_model(visit: Visit) -> None:
    """The first page lists all models, each of which says itself that it is ready."""
    page = visit.open()
    expect(page.locator(".card")).to_have_count(len(MODELS), timeout=WAIT)
    expect(page.locator(".card .tag.good")).to_have_count(len(MODELS), timeout=WAIT)


@pytest.mark.parametrize("model", MODELS)
def test_each_model_answers_its_form_and_says_why(visit: Visit, model: str) -> None:
    """The example of the form gives an answer, an explanation, and the same call as code."""
    page = visit.open(f"#/models/{model}")
    with page.expect_response(re.compile(":predict$")) as answered, page.expect_request(WHY) as asked:
        visit.predict()
    assert f"/versions/{answered.value.headers['x-model-version']}:explain" in asked.value.url
    expect(page.get_by_role("heading", name="Why")).to_be_visible()
    shown = page.locator("section").filter(has=page.get_by_role("heading", name="Why"))
    assert shown.locator("svg.chart, canvas, .tokens").count() >= 1
    assert model in visit.copied("curl")
    assert ast.literal_eval(run(visit.copied("Python"))) == answered.value.json()["predictions"]
    assert model in run(visit.copied("tritonclient"))


@pytest.mark.parametrize("model", MODELS)
def test_each_model_says_what_is_wrong(browser: Browser, url: str, model: str) -> None:
    """What is no number goes as it is, and the API names its field; a missing picture or text too."""
    context = browser.new_context(locale="en-GB")
    page = Visit(context.new_page(), url).open(f"#/models/{model}")
    if figures := page.locator("main form input[inputmode=decimal]:visible").all():
        figures[0].fill("25,000")
    else:
        page.get_by_role("button", name="Clear").first.click()
    page.locator("main form button.first").click()
    expect(page.get_by_role("alert")).to_be_visible()
    if figures:
        expect(page.locator("main form [aria-invalid=true]")).to_be_focused()
        expect(page.locator(".field.faulty")).to_contain_text(re.compile("valid (number|integer)"))
    context.close()


def test_a_picture_of_a_sign_is_chosen_and_read(visit: Visit) -> None:
    """The file that was chosen is what the model is sent, and the copied call has all of it."""
    page = visit.open("#/models/traffic_signs")
    _, example = endpoints()["traffic_signs"].contract.record.model_fields["image"].examples or []
    chosen = {"name": "sign.png", "mimeType": "image/png", "buffer": base64.b64decode(example)}
    page.get_by_role("button", name="Clear").first.click()
    page.locator("main form input[type=file]").set_input_files(chosen)  # type: ignore[arg-type]
    expect(page.locator("main form img.preview")).to_be_visible()
    with page.expect_request(re.compile(":predict$")) as sent:
        visit.predict()
    assert json.loads(sent.value.post_data or "")["instances"][0]["image"] == example
    assert example in visit.copied("curl")
    expect(page.get_by_text(re.compile("Strongest at"))).to_be_visible()


def test_a_digit_is_drawn_and_read(visit: Visit) -> None:
    """A stroke on the canvas is what the model is sent, and the picture's explanation is drawn over it."""
    page = visit.open("#/models/digits")
    page.get_by_role("button", name="Clear").first.click()
    frame = page.locator("canvas.drawing").bounding_box()
    assert frame is not None
    left, top = frame["x"], frame["y"]
    page.mouse.move(left + 110, top + 40)
    page.mouse.down()
    page.mouse.move(left + 112, top + 190, steps=12)
    page.mouse.up()
    with page.expect_request(re.compile(r":predict$")) as sent:
        visit.predict()
    assert len(json.loads(sent.value.post_data or "")["instances"][0]["image"]) > 200
    assert page.locator(".answer").first.inner_text().split()[0].isdigit()


def test_mistakes_are_shown_at_their_fields(browser: Browser, url: str) -> None:
    """A wrong value is named by the API and shown at its field, which gets the focus."""
    context = browser.new_context(locale="en-GB")
    visit = Visit(context.new_page(), url)
    page = visit.open("#/models/traffic_flow")
    page.get_by_label("Temperature").fill("999")
    page.locator("main form button.first").click()
    field = page.locator(".field.faulty")
    expect(field).to_contain_text("Temperature")
    expect(field).to_contain_text("60")
    expect(page.get_by_label("Temperature")).to_be_focused()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Temperature").fill("warm")
    page.locator("main form button.first").click()
    expect(page.locator(".field.faulty")).to_contain_text("number")
    context.close()


def test_versions_show_the_canary_share_and_history(visit: Visit, stack: "LocalStack") -> None:
    """A canary's share and every move are on the page."""
    registry = Registry(ObjectStore(stack.models_bucket, cast("Any", stack.client("s3"))))
    model = trained("lane_flow")
    other = Manifest.model_validate(model.manifest.model_dump() | {"summary": "The same, said otherwise."})
    registry.publish(other, model.artifact, model.blobs)
    registry.canary("lane_flow", other.digest, 25, actor="ben", reason="a trial")
    page = visit.open("#/models/lane_flow/versions")
    expect(page.get_by_role("img", name=re.compile(r"share of calls.*75.*25"))).to_be_visible()
    expect(page.get_by_role("cell", name="a trial")).to_be_visible()
    registry.withdraw("lane_flow", actor="ben", reason="the trial is over")


def test_a_file_is_uploaded_scored_and_fetched(visit: Visit) -> None:
    """A file goes up, is scored behind the scenes, and its result comes down."""
    page = visit.open("#/models/lane_flow/files")
    with page.expect_download() as example:
        page.get_by_role("link", name="Example file").click()
    rows = {
        "name": "rows.jsonl",
        "mimeType": "application/x-ndjson",
        "buffer": example.value.path().read_bytes(),
    }
    with page.expect_download() as saved:
        page.locator("#file").set_input_files(rows)  # type: ignore[arg-type]
        page.get_by_role("button", name="Upload and score").click()
        page.get_by_role("link", name="result").click(timeout=WAIT)
    lines = saved.value.path().read_text(encoding="utf-8").splitlines()
    assert "vehicles_per_5_minutes" in json.loads(lines[0])


def test_costs_follow_the_figures_given(visit: Visit) -> None:
    """More milliseconds cost more."""
    page = visit.open("#/models/lane_flow/cost")
    before = page.locator(".answer").inner_text()
    page.get_by_label("Milliseconds per call").fill("500")
    page.get_by_role("button", name="Estimate").click()
    expect(page.locator(".answer")).not_to_have_text(before)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible(browser: Browser, url: str, scheme: Any) -> None:
    """Axe finds nothing on any kind of page, in light and in dark."""
    context = browser.new_context(locale="en-GB", color_scheme=scheme)
    visit = Visit(context.new_page(), url)
    found = {}
    for address in (
        "#/",
        *(f"#/models/traffic_flow{tab}" for tab in TABS),
        "#/models/digits",
        "#/models/congestion",
        "#/models/sentiment",
        "#/models/traffic_signs",
    ):
        page = visit.open(address)
        if address.count("/") == 2 and "models" in address:
            visit.predict()
        found[address] = violations(page)
    context.close()
    assert not {address: faults for address, faults in found.items() if faults}


def test_pages_fit_a_phone_and_speak_chinese(browser: Browser, url: str) -> None:
    """At phone width nothing sticks out sideways; a Chinese browser gets Chinese words, kept when changed."""
    context = browser.new_context(locale="zh-CN", viewport={"width": 360, "height": 740}, has_touch=True)
    visit = Visit(context.new_page(), url)
    page = visit.open("#/")
    expect(page.locator("h1")).to_have_text("模型")
    for address in ("#/", *(f"#/models/congestion{tab}" for tab in TABS)):
        visit.open(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, address
    page.get_by_label("语言").select_option("en")
    page.reload()
    expect(page.locator("nav.tabs a").first).to_have_text("Try it")
    context.close()
    assert visit.faults == []


def test_the_keyboard_is_enough(visit: Visit) -> None:
    """From the first key to the answer without a mouse."""
    page = visit.open("#/models/diagnosis")
    page.keyboard.press("Tab")
    expect(page.locator("#skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    button = page.locator("main form button.first")
    for _ in range(60):
        page.keyboard.press("Tab")
        if button.evaluate("element => element === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.locator(".answer").first).to_be_visible(timeout=WAIT)


def test_what_is_not_there_is_said(browser: Browser, url: str) -> None:
    """An unknown model and an unknown address are told apart from a broken page."""
    context = browser.new_context(locale="en-GB")
    visit = Visit(context.new_page(), url)
    page = visit.open("#/models/nobody")
    expect(page.get_by_role("alert")).to_contain_text("nobody")
    visit.open("#/elsewhere")
    expect(page.get_by_role("alert")).to_contain_text("nothing at this address")
    context.close()
