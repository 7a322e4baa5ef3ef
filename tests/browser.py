"""A real browser on the console's page, and what must not go wrong there."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
WAIT = 60_000  # milliseconds; a first call starts a worker


@contextmanager
def chromium() -> Iterator[Browser]:
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
        host = "/".join(self.url.split("/")[:3])
        if not request.url.startswith((host, "data:", "blob:")):
            self.faults.append(f"another host: {request.url}")

    def open(self, address: str = "#/") -> Page:
        """Go there and wait for the page's heading."""
        self.page.goto("about:blank")  # else the last page's heading would be there at once
        self.page.goto(self.url + address)
        expect(self.page.locator("main h1")).to_be_visible(timeout=WAIT)
        return self.page

    def predict(self) -> None:
        """Send the form as it is, and wait for the answer and its reasons."""
        self.page.locator("main form button.first").click()
        expect(self.page.locator(".answer").first).to_be_visible(timeout=WAIT)
        expect(self.page.get_by_text("Explaining")).to_have_count(0, timeout=WAIT)

    def copied(self, language: str) -> str:
        """The same call in this language, as the page puts it on the clipboard."""
        self.page.get_by_role("button", name=language, exact=True).click()
        self.page.get_by_role("button", name="Copy", exact=True).click()
        expect(self.page.locator("#status")).to_have_text("Copied.")
        return str(self.page.evaluate("navigator.clipboard.readText()"))


def violations(page: Page) -> list[str]:
    """What axe finds, with the places."""
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['target']} {one['help']}" for one in found]


def run(program: str, **environment: str) -> str:
    """What a program prints that was copied from the page."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-"],
        input=program,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
