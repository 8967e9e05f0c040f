"""Every page: complete, quiet, self-contained, readable by everyone.

Each page is opened once per colour scheme, and everything that can be seen
from there is checked on that one visit.
"""

import re
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT

from tools import pages

pytestmark = pytest.mark.browser

# Besides the pages of _toc.yml, Sphinx writes these.
NAMES = (*pages.toc(), "search", "genindex", "py-modindex")
KILO = 1000


@pytest.mark.parametrize("name", NAMES)
def test_page_is_built(html: Path, name: str):
    """What _toc.yml lists lies in the site."""
    assert (html / f"{name}.html").is_file(), f"{name} was not built"


def test_site_has_no_page_of_an_earlier_build(html: Path):
    """A page that left _toc.yml left the site."""
    found = {
        path.relative_to(html).with_suffix("").as_posix()
        for path in html.rglob("*.html")
        if not path.is_relative_to(html / "_static")
    }

    assert found == set(NAMES)


def test_pages_are_small(html: Path):
    """The median page is under 400 kB of HTML, the largest under 1.5 MB."""
    sizes = {
        name: (html / f"{name}.html").stat().st_size / KILO
        for name in NAMES
    }

    assert statistics.median(sizes.values()) < 400
    largest = max(sizes, key=lambda name: sizes[name])
    assert sizes[largest] < 1500, f"{largest} has {sizes[largest]:.0f} kB"


@pytest.mark.parametrize("name", NAMES)
def test_page_stands_alone(
    visit: Callable[..., Any], address: str, scheme: str, name: str
):
    """Reading asks no other host for anything, and nothing goes wrong.

    No request to a third party, no missing file, no error in the console,
    no image without a description, no serious barrier that axe knows.
    """
    seen = visit(name, scheme=scheme)

    elsewhere = [url for url in seen.requests if not url.startswith(address)]
    assert elsewhere == []
    assert seen.complaints == []
    assert without_alt(seen) == []
    assert barriers(seen) == []
    assert shown_scheme(seen) == scheme


def without_alt(seen: Any) -> list[str]:
    """Return the pictures in the text that have no description."""
    return seen.page.evaluate(
        """() => [...document.querySelectorAll(
             ".bd-article img, .bd-article svg[role=img]")]
           .filter(one => !(one.getAttribute("alt") ||
                            one.getAttribute("aria-label") ||
                            one.getAttribute("aria-labelledby") ||
                            one.querySelector(":scope > title")))
           .map(one => one.outerHTML.slice(0, 120))"""
    )


def barriers(seen: Any) -> list[str]:
    """Return what axe calls serious or critical, one line for each place."""
    seen.page.evaluate(AXE_SCRIPT)
    found = seen.page.evaluate(
        """() => axe.run(document, {resultTypes: ["violations"]})"""
    )
    return [
        f"{rule['id']}: {place['target']} {place['html'][:160]}"
        for rule in found["violations"]
        if rule["impact"] in {"serious", "critical"}
        for place in rule["nodes"]
    ]


def shown_scheme(seen: Any) -> str:
    """Return whether the page is dark, by the brightness of its ground."""
    ground = seen.page.evaluate(
        "() => getComputedStyle(document.body).backgroundColor"
    )
    red, green, blue = map(int, re.findall(r"\d+", ground)[:3])
    return "dark" if red + green + blue < 3 * 128 else "light"


@pytest.mark.parametrize("name", NAMES)
def test_page_fits_a_phone(visit: Callable[..., Any], name: str):
    """At 360 pixels nothing but a box of its own scrolls sideways."""
    seen = visit(name, width=360)

    wide = seen.page.evaluate(
        """() => document.documentElement.scrollWidth > innerWidth
          ? [...document.querySelectorAll("body *")]
              .filter(one => one.getBoundingClientRect().right >
                             innerWidth + 1)
              .map(one => one.outerHTML.slice(0, 100)).slice(0, 5)
          : []"""
    )

    assert wide == []


def test_every_notebook_can_be_downloaded(visit: Callable[..., Any], html: Path):
    """The download button leads to the notebook of its own page."""
    notebooks = [page.name for page in pages.notebooks()]

    for name in notebooks:
        link = visit(name).page.locator(".btn-download-source-button")
        path = link.get_attribute("href") or ""
        target = (html / name).parent.joinpath(path).resolve()
        assert target == (html / "_sources" / f"{name}.ipynb").resolve()
        assert target.read_bytes() == pages.source(name).read_bytes()
