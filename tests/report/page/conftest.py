"""Pages in Debian's Chromium, cut off from any network."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.patience import PATIENCE

CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="module")  # while it is there an event loop runs, which other tests must not meet
def browser():
    if not CHROMIUM:
        pytest.skip("Debian's chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=PATIENCE * 1000)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path):
    """Open a page from disk. Nothing may be asked of a network, and nothing may be wrong on the console."""
    asked, wrong = [], []

    def open_page(content: bytes, *, width: int = 1200, **options: Any) -> Page:
        path = tmp_path / "report.html"
        path.write_bytes(content)
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        context.set_default_timeout(PATIENCE * 1000)
        context.set_offline(True)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(path.as_uri())
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map((element) => element.id)")
        assert len(ids) == len(set(ids))
        assert wrong == []
        page.wait_for_selector("html[data-drawn]")
        return page

    yield open_page
    for context in browser.contexts:
        context.close()
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert wrong == []


@pytest.fixture
def chosen() -> Callable[[Page], list[int]]:
    """The ranks of the combinations that a page has chosen, by what its script knows."""
    return lambda page: page.evaluate("active().map((c) => c.rank)")
