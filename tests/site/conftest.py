"""The built site in a real browser: one Chromium for all tests.

The tests look at ``_build/html`` as it is and build nothing.
"""

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    sync_playwright,
)

from tools import pages

SITE = pages.ROOT / "_build" / "html"
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that does not write a log."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@dataclass
class Opened:
    """A page in the browser, with what it asked for and complained of."""

    name: str
    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def html() -> Path:
    """The folder of the built site."""
    if not (SITE / "index.html").is_file():
        pytest.fail("there is no site in _build/html: run 'make book' first")
    return SITE


Serve = Callable[[Path], AbstractContextManager[str]]


@pytest.fixture(scope="session")
def serve() -> Serve:
    """A function that serves a folder to this machine alone."""

    @contextmanager
    def start(folder: Path) -> Iterator[str]:
        handler = functools.partial(_Quiet, directory=str(folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        server.server_close()
        thread.join()

    return start


@pytest.fixture(scope="session")
def address(html: Path, serve: Serve) -> Iterator[str]:
    """The address of the site."""
    with serve(html) as address:
        yield address


def chromium() -> str:
    """Return the path of Chromium; skip the test where there is none."""
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    reason = f"no Chromium: none of {', '.join(NAMES)} is on PATH"
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}, and CI=true demands one")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """The library that drives the browser."""
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def browser(html: Path, playwright: Playwright) -> Iterator[Browser]:
    """One browser for the session."""
    browser = playwright.chromium.launch(
        executable_path=chromium(), args=list(FLAGS)
    )
    yield browser
    browser.close()


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    """The colours that the reader's system prefers."""
    return str(request.param)


@pytest.fixture(scope="session")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One profile of the browser, of a reader who dislikes motion."""
    context = browser.new_context(reduced_motion="reduce")
    yield context
    context.close()


Open = Callable[..., AbstractContextManager[Opened]]


@pytest.fixture(scope="session")
def visit(context: BrowserContext, address: str) -> Open:
    """A function that opens a page for the length of a ``with``.

    Whatever is not on this machine cannot be reached, and is noted.
    """

    @contextmanager
    def go(
        name: str, *, width: int = 1280, at: str = address
    ) -> Iterator[Opened]:
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": 900})
        seen = Opened(name, page)
        page.on("request", lambda request: _note(seen, request))
        page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        page.on("console", lambda message: _listen(seen, message))
        page.route(
            lambda url: not url.startswith((at, "data:", "blob:")),
            lambda route: route.abort(),
        )
        page.goto(f"{at}/{name}.html", wait_until="load")
        # Formulas are set after the page is there.
        page.evaluate("() => window.MathJax?.startup?.promise?.then(() => 1)")
        yield seen
        page.close()

    return go


def _note(seen: Opened, request: Request) -> None:
    if not request.url.startswith(("data:", "blob:")):
        seen.requests.append(request.url)


def _listen(seen: Opened, message: ConsoleMessage) -> None:
    if message.type in {"error", "warning"}:
        seen.complaints.append(message.text)
