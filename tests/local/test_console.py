"""The console page in a real browser, against the deployed stack with every model in it."""

import json
import re
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from maas.manifest import Manifest
from maas.registry import Registry
from maas.store import ObjectStore
from tests.trained_models import endpoints, trained

if TYPE_CHECKING:
    from conftest import LocalStack

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
WAIT = 60_000  # milliseconds; a first call starts a worker
MODELS = sorted(endpoints())
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
    """Chromium, without its sandbox, which containers do not allow."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


class Visit:
    """A page that remembers what went wrong on it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.faults: list[str] = []
        page.set_default_timeout(WAIT)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda line: self.faults.append(line.text) if line.type == "error" else None)
        page.on("request", self._requested)

    def _requested(self, request: Any) -> None:
        if not request.url.startswith((self.url.split("/restapis")[0], "data:", "blob:")):
            self.faults.append(f"another host: {request.url}")

    def open(self, address: str = "#/") -> Page:
        self.page.goto(self.url + address)
        expect(self.page.locator("main h1")).to_be_visible(timeout=WAIT)
        return self.page

    def predict(self) -> None:
        self.page.locator("main form button.first").click()
        expect(self.page.locator(".answer").first).to_be_visible(timeout=WAIT)
        expect(self.page.get_by_text("Explaining")).to_have_count(0, timeout=WAIT)


@pytest.fixture
def visit(browser: Browser, url: str) -> Iterator[Visit]:
    """A visitor with a light screen and English words; at the end nothing may have gone wrong."""
    context = browser.new_context(locale="en-GB", color_scheme="light")
    visit = Visit(context.new_page(), url)
    yield visit
    context.close()
    assert visit.faults == []


def violations(page: Page) -> list[str]:
    """What axe finds, with the places."""
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['target']} {one['help']}" for one in found]


def test_the_catalogue_shows_every_model(visit: Visit) -> None:
    """The first page lists all models as ready."""
    page = visit.open()
    expect(page.locator(".card")).to_have_count(len(MODELS), timeout=WAIT)
    expect(page.locator(".card .tag.good")).to_have_count(len(MODELS))


@pytest.mark.parametrize("model", MODELS)
def test_each_model_answers_its_form_and_says_why(visit: Visit, model: str) -> None:
    """The example of the form gives an answer, an explanation, and the same call as code."""
    page = visit.open(f"#/models/{model}")
    visit.predict()
    expect(page.get_by_role("heading", name="Why")).to_be_visible()
    shown = page.locator("section").filter(has=page.get_by_role("heading", name="Why"))
    assert shown.locator("svg.chart, canvas, .tokens").count() >= 1
    for language in ("curl", "Python", "tritonclient"):
        page.get_by_role("button", name=language, exact=True).click()
        assert model in page.locator("pre").inner_text()


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
    page.locator("#file").set_input_files(example.value.path())
    with page.expect_download() as saved:
        pass_name = {"name": "rows.jsonl", "mimeType": "application/x-ndjson"}
        page.locator("#file").set_input_files(
            {**pass_name, "buffer": example.value.path().read_bytes()}  # type: ignore[arg-type]
        )
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
