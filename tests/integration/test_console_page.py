"""The console's page in a browser over one tiny model: what it asks for, shows and hands out."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests import tiny_model
from tests.browser import Visit, needs_chromium, run, violations
from tests.console_site import DATA_BUCKET, Site

pytestmark = needs_chromium


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Visit]:
    """A tab of its own; at the end nothing may have gone wrong."""
    context = browser.new_context(locale="en-GB")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit = Visit(context.new_page(), site.url)
    yield visit
    context.close()
    assert visit.faults == []


def shown(page: Page, script: str, body: str) -> None:
    """Replace the page's content by what one of its scripts makes."""
    page.evaluate(f"""async () => {{
      const found = await import(new URL("console/{script}", location.href).href);
      document.getElementById("main").replaceChildren((() => {{ {body} }})());
    }}""")


def filled(page: Page, **values: str) -> None:
    """The tiny model's form with a valid record, and with other values in these fields."""
    valid = {"timestamp": "2026-03-01T08:00:01", "temperature": "11.5", "lanes": "3", "speeds": "61, 58.5"}
    for name, value in (valid | values).items():
        page.locator(f"#field-{name}").fill(value)


def test_each_model_says_itself_whether_it_is_ready(visit: Visit, site: Site) -> None:
    """A version in production without a function behind it is not shown as healthy."""
    version = site.registry.publish(*tiny_model.version(model="orphan"))
    site.registry.promote("orphan", version, actor="ana", reason="without a function")
    page = visit.open()
    expect(page.locator(".card", has_text="Tiny").locator("h2 .tag")).to_have_text("ready")
    tag = page.locator(".card", has_text="Orphan").locator("h2 .tag")
    expect(tag).to_have_text("not deployed")
    expect(tag).to_have_class("tag bad")
    visit.faults.clear()  # the browser's own line about the 404


def test_a_figure_goes_as_it_was_typed(visit: Visit) -> None:
    """A comma is no decimal point: the API refuses it and names the field, which is marked as invalid."""
    page = visit.open("#/models/tiny")
    filled(page, temperature="25,000")
    with page.expect_request(re.compile(":predict$")) as sent:
        page.get_by_role("button", name="Predict").click()
    assert json.loads(sent.value.post_data or "")["instances"][0]["temperature"] == "25,000"
    field = page.get_by_label("Temperature")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator(".field.faulty")).to_have_count(1)
    visit.faults.clear()  # the browser's own line about the 422
    field.fill("25")
    visit.predict()
    expect(page.locator("[aria-invalid]")).to_have_count(0)
    visit.faults.clear()  # and about this model's missing explanation


def test_the_version_that_answered_explains(visit: Visit, site: Site) -> None:
    """While a canary runs, prediction and reasons come from one version."""
    page = visit.open("#/models/tiny")
    filled(page)
    with page.expect_request(re.compile(":explain$")) as asked:
        visit.predict()
    pointer = site.registry.production("tiny")
    assert pointer is not None
    assert f"/versions/{pointer.version}:explain" in asked.value.url
    visit.faults.clear()


def test_copied_programs_run_and_say_who_calls(visit: Visit, site: Site) -> None:
    """The copied code is whole and correct, strings that read like values included, and sends a token."""
    page = visit.open("#/models/tiny")
    page.evaluate("""async () => {
      const { settings } = await import(new URL("console/api.js", location.href).href);
      settings.api_key = true;
    }""")
    filled(page, note='true, null or "\\"')
    page.locator("#field-weather").select_option("雪")
    with page.expect_response(re.compile(":predict$")) as answered:
        visit.predict()
    shows = {"MAAS_TOKEN": "a-token", "MAAS_API_KEY": "a-key"}
    for language, path in (("Python", "/v1/models/tiny:predict"), ("tritonclient", "/v2/models/tiny/infer")):
        site.seen.clear()
        printed = run(visit.copied(language), **shows)
        assert str(answered.value.json()["predictions"][0]["volume"])[:4] in printed or language != "Python"
        assert site.seen[path]["authorization"] == "Bearer a-token"
        assert site.seen[path]["x-api-key"] == "a-key"
    assert '-H "x-api-key: $MAAS_API_KEY"' in visit.copied("curl")
    visit.faults.clear()


def test_signed_calls_are_copied_with_what_signs(visit: Visit) -> None:
    """Triton's client, which cannot sign, is sent to `maas proxy`; what is long is copied whole."""
    page = visit.open("#/models/tiny/card")
    long = "x" * 150_000
    shown(
        page,
        "snippets.js",
        f"""const inputs = [{{ name: "image", datatype: "BYTES" }}];
        return found.snippets("tiny", {{ image: "{long}" }}, inputs, (said) => {{
          document.getElementById("status").textContent = said;
        }});""",
    )
    page.evaluate("""async () => {
      const { settings } = await import(new URL("console/api.js", location.href).href);
      settings.authentication = "AWS_IAM";
    }""")
    for language in ("curl", "Python", "tritonclient"):
        assert long in visit.copied(language)
        assert long not in page.locator("pre").inner_text()
        page.locator("#status").evaluate("element => { element.textContent = ''; }")
    expect(page.get_by_text("Long values are shortened here")).to_be_visible()


def test_drift_has_a_curve_for_each_length_of_window(visit: Visit, site: Site) -> None:
    """Days and weeks are not joined in one curve; the newest report is one click away; axe finds nothing."""
    windows: list[dict[str, Any]] = [
        {
            "end": f"2026-11-{day:02}T00:00:00+00:00",
            "hours": hours,
            "rows": 500,
            "largest": day / 10,
            "limit": 1.0,
        }
        | {"drifted": day > 10}
        for day in range(8, 14)
        for hours in (24, 168)
    ]
    windows[-1]["features"] = [{"name": "rain", "psi": 0.3, "ks": 0.2, "ratio": 1.3, "drifted": True}]
    for key, body in (("history.json", json.dumps({"windows": windows}).encode()), ("latest.html", b"<p>")):
        site.s3.put_object(Bucket=DATA_BUCKET, Key=f"reports/tiny/{key}", Body=body)
    page = visit.open("#/models/tiny/drift")
    for hours in (24, 168):
        curve = page.get_by_role("img", name=re.compile(f"windows of {hours} hours"))
        expect(curve.locator("circle")).to_have_count(6)
    assert page.locator("main table").first.locator("tbody tr").first.inner_text().split("\t")[1] == "168"
    link = page.get_by_role("link", name="The monitor's newest report")
    assert "/reports/tiny/latest.html?" in str(link.get_attribute("href"))
    assert violations(page) == []


def test_one_look_that_fails_is_not_the_end_of_a_file(visit: Visit) -> None:
    """The file goes to the bucket's address; a failed question about it is asked again."""
    page, asked = visit.page, []

    def state(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.abort()
        else:
            route.fulfill(json={"state": "done", "scored": 1, "rejected": 0, "rows": 1})

    allow = {"Access-Control-Allow-Origin": "*"}
    page.route(f"https://{DATA_BUCKET}.s3.*/**", lambda route: route.fulfill(status=200, headers=allow))
    page.route("**/console/data/files/tiny/console/**", state)
    visit.open("#/models/tiny/files")
    rows = {"name": "rows.csv", "mimeType": "text/csv", "buffer": b"a\n1\n"}
    page.locator("#file").set_input_files(rows)  # type: ignore[arg-type]
    page.get_by_role("button", name="Upload and score").click()
    expect(page.get_by_text("1 rows scored, 0 rejected")).to_be_visible()
    assert len(asked) == 2
    assert [fault for fault in visit.faults if DATA_BUCKET not in fault and "ERR_FAILED" not in fault] == []
    visit.faults.clear()


def test_costs_say_whose_memory_they_go_by(visit: Visit) -> None:
    """Before a model has answered the console's own memory stands for it, and the page says so."""
    page = visit.open("#/models/tiny/cost")
    expect(page.get_by_text(re.compile(r"1,?024 MB \(as the console's function has"))).to_be_visible()
    page.get_by_role("link", name="Try it").click()
    filled(page)
    visit.predict()
    visit.faults.clear()
    with page.expect_request(re.compile(r"/console/data/cost/[\d.]+/100000/1024$")):
        page.get_by_role("link", name="Cost").click()
    expect(page.get_by_text("as the model said with its last answer")).to_be_visible()


def test_the_keyboard_draws_and_says_where_it_is(visit: Visit) -> None:
    """A loaded picture makes room for what is drawn; cursor and pen are seen, but not in the picture."""
    page = visit.open("#/models/tiny/card")
    shown(page, "pictures.js", 'window.drawn = found.drawing("pad"); return window.drawn.element;')
    page.evaluate("window.drawn.set(document.createElement('canvas').toDataURL().split(',')[1])")
    loaded = page.evaluate("window.drawn.get()")
    page.locator("#pad").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("The pen is up.")).to_be_visible()
    expect(page.locator(".pad .cursor")).to_be_visible()
    assert page.evaluate("window.drawn.get()") == loaded
    page.keyboard.press("Space")
    expect(page.get_by_text("The pen is down.")).to_be_visible()
    expect(page.locator(".pad .cursor")).to_have_class("cursor down")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("window.drawn.get()") not in {loaded, None}
    coloured = """() => {
      const { data } = document.getElementById("pad").getContext("2d").getImageData(0, 0, 224, 224);
      return data.some((value, at) => at % 4 === 0 && value !== data[at + 2]);
    }"""
    assert not page.evaluate(coloured)


def test_reasons_need_no_colour(visit: Visit) -> None:
    """Words carry sign and size by their lines and in a table; a map says in words where it is strongest."""
    page = visit.open("#/models/tiny/card")
    tokens = [{"token": "good", "contribution": 2.0}, {"token": "but", "contribution": -0.5}]
    explanation = {"method": "occlusion", "target": "label", "scale": "answer", "base_value": 0, "value": 1}
    explanation |= {"tokens": tokens, "map": {"values": [[0, 0, 0], [0, 0, 0], [0.1, 0, -0.9]]}}
    shown(page, "answer.js", f"return found.explanation({json.dumps(explanation)});")
    lines = page.locator(".tokens mark").evaluate_all("""all => all.map((one) => {
      const { textDecorationStyle, textDecorationThickness } = getComputedStyle(one);
      return [textDecorationStyle, textDecorationThickness];
    })""")
    assert lines == [["solid", "4px"], ["wavy", "1px"]]
    page.get_by_text("All words with their contributions").click()
    expect(page.get_by_role("cell", name="\N{MINUS SIGN}0.5")).to_be_visible()
    said = "Strongest at bottom right (row 3 of 3, column 3 of 3): against the answer."
    expect(page.get_by_text(said, exact=True)).to_be_visible()
    expect(page.get_by_role("img", name=said)).to_be_visible()
