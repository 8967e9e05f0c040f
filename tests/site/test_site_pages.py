"""Every page: complete, self-contained, quiet, readable by everyone.

A page is opened once, and each test looks at it in its own way.
"""

import re
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT

from tools import pages

# Besides the pages of _toc.yml, Sphinx writes these.
NAMES = (*pages.toc(), "search", "genindex", "py-modindex")
KILO = 1000
_COLOURS = ["color-contrast", "link-in-text-block"]
# Thousands of words of code share a few colours: leave one of each, and the
# others as plain text, so that axe needs seconds and not minutes.
_THIN = """() => {
  if (document.body.dataset.thin) return;
  document.body.dataset.thin = "yes";
  const seen = new Set();
  for (const whole of document.querySelectorAll("article pre")) {
    const box = whole.cloneNode(true);
    const ground = whole.closest(".cell_input, .cell_output")?.className
      + whole.closest("[class*=highlight-]")?.className;
    for (const word of box.querySelectorAll("span")) {
      const key = `${ground} ${word.className}`;
      if (seen.has(key) && !word.children.length)
        word.replaceWith(word.textContent);
      seen.add(key);
    }
    whole.replaceWith(box);
  }
}"""


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
        name: (html / f"{name}.html").stat().st_size / KILO for name in NAMES
    }

    assert statistics.median(sizes.values()) < 400
    largest = max(sizes, key=lambda name: sizes[name])
    assert sizes[largest] < 1500, f"{largest} has {sizes[largest]:.0f} kB"


def test_every_notebook_can_be_downloaded(html: Path):
    """The download button leads to the notebook of its own page."""
    for page in pages.notebooks():
        text = (html / f"{page.name}.html").read_text("utf-8")
        button = re.search(
            r'href="([^"]*)"[^>]*btn-download-source-button', text
        )

        assert button, f"{page.name} has no download button"
        target = (html / page.name).parent / button.group(1)
        assert target.read_bytes() == page.path.read_bytes()


@pytest.fixture(scope="module", params=NAMES)
def seen(
    request: pytest.FixtureRequest, visit: Callable[..., Any]
) -> Iterator[Any]:
    """A page, with everything that was folded opened."""
    with visit(request.param) as seen:
        seen.page.evaluate(
            """() => {
              for (const one of document.querySelectorAll(".toggle-hidden"))
                one.classList.remove("toggle-hidden");
              for (const one of document.querySelectorAll("article details"))
                one.open = true;
              dispatchEvent(new Event("resize"));
            }"""
        )
        yield seen


@pytest.mark.browser
def test_reading_asks_no_other_host(seen: Any, address: str):
    """Opening a page sends no request to a third party."""
    assert seen.requests
    assert [url for url in seen.requests if not url.startswith(address)] == []


@pytest.mark.browser
def test_page_has_nothing_to_complain_of(seen: Any):
    """No script fails and no file is missing."""
    assert seen.complaints == []


@pytest.mark.browser
def test_pictures_are_described(seen: Any):
    """Every picture in the text has a description."""
    silent = seen.page.evaluate(
        """() => [...document.querySelectorAll(
             ".bd-article img, .bd-article .cell_output svg")]
           .filter(one => !one.parentElement.closest("svg"))
           .filter(one => !(one.getAttribute("alt") ||
                            one.getAttribute("aria-label") ||
                            one.getAttribute("aria-labelledby") ||
                            one.querySelector(":scope > title")))
           .map(one => one.outerHTML.slice(0, 120))"""
    )

    assert silent == []


@pytest.mark.browser
def test_line_art_is_turned_over_in_the_dark(seen: Any, scheme: str):
    """Drawings are inverted on a dark page, pixels never."""
    wear(seen, scheme)

    drawings = styles(
        seen, ".bd-article img[src$='.svg'], .d2l-explore svg", "filter"
    )
    pixels = styles(seen, ".bd-article img[src$='.png']", "filter")
    cards = styles(seen, ".text_html:has(.d2l-explore)", "backgroundColor")

    turned = "invert(0.93) hue-rotate(180deg)" if scheme == "dark" else "none"
    assert drawings <= {turned}
    assert pixels <= {"none"}
    assert cards <= {"rgba(0, 0, 0, 0)"}, "a light card behind line art"


def wear(seen: Any, scheme: str) -> None:
    """Show the page as to a reader whose system prefers this scheme."""
    seen.page.emulate_media(color_scheme=scheme)
    seen.page.wait_for_selector(f'html[data-theme="{scheme}"]')


def styles(seen: Any, selector: str, name: str) -> set[str]:
    """Return the values that a style has where the selector applies."""
    return set(
        seen.page.locator(selector).evaluate_all(
            "(all, name) => all.map(one => getComputedStyle(one)[name])", name
        )
    )


@pytest.mark.browser
def test_knobs_turn_with_the_arrow_keys(seen: Any):
    """A slider of plot.explore changes its value and its figure."""
    sliders = seen.page.locator(".d2l-knob input").all()
    assert len(sliders) >= explored(seen.name)

    for slider in sliders:
        before = shown(slider)
        slider.focus()
        at_end = slider.evaluate("one => one.value === one.max")
        seen.page.keyboard.press("ArrowLeft" if at_end else "ArrowRight")
        after = shown(slider)
        assert before["value"] != after["value"]
        assert before["frame"] != after["frame"]


def explored(name: str) -> int:
    """Return how many figures with knobs the source of a page makes."""
    found = [page for page in pages.notebooks() if page.name == name]
    return sum(
        "d2l.plot.explore(" in cell.source and "remove-cell" not in cell.tags
        for page in found
        for cell in page.code
    )


def shown(slider: Any) -> dict[str, str]:
    """Return what a slider says, and which parts of the figure are seen."""
    return slider.evaluate(
        """one => {
          const figure = one.closest(".d2l-explore");
          const parts = [...figure.querySelectorAll("[data-frames]")];
          return {
            value: one.getAttribute("aria-valuetext"),
            frame: parts.map(part => part.style.display).join(),
          };
        }"""
    )


@pytest.mark.browser
def test_page_has_no_serious_barrier(seen: Any, scheme: str):
    """Axe finds nothing serious or critical, in light and in dark."""
    wear(seen, scheme)

    seen.page.evaluate(_THIN)
    seen.page.evaluate(AXE_SCRIPT)
    # In the dark the page has the same parts in other colours.
    only = {"runOnly": _COLOURS} if scheme == "dark" else {}
    found = seen.page.evaluate(
        "options => axe.run(document, options)",
        {"resultTypes": ["violations"], **only},
    )

    assert [
        f"{rule['id']}: {place['target']} {place['html'][:160]}"
        for rule in found["violations"]
        if rule["impact"] in {"serious", "critical"}
        for place in rule["nodes"]
    ] == []


@pytest.mark.browser
def test_page_fits_a_phone(seen: Any):
    """At 360 pixels only a box of its own scrolls, and nothing is cut."""
    seen.page.set_viewport_size({"width": 360, "height": 740})

    wide = seen.page.evaluate(
        """() => {
          const scrolls = one => one && (
            ["auto", "scroll"].includes(getComputedStyle(one).overflowX) ||
            getComputedStyle(one).position === "absolute" ||
            scrolls(one.parentElement.closest(".bd-article *")));
          const root = document.documentElement;
          const far = [...document.querySelectorAll(".bd-article-container *")]
            .filter(one => one.getBoundingClientRect().right >
                           innerWidth + 1 && !scrolls(one))
            .map(one => one.outerHTML.slice(0, 100));
          return root.scrollWidth > innerWidth ? ["page", ...far] : far;
        }"""
    )
    seen.page.set_viewport_size({"width": 1280, "height": 900})

    assert wide == []


@pytest.mark.browser
def test_no_line_of_code_is_cut_on_a_laptop(seen: Any):
    """Lines have up to 79 columns, and 1,280 pixels show them all."""
    seen.page.set_viewport_size({"width": 1280, "height": 900})

    cut = seen.page.evaluate(
        """() => [...document.querySelectorAll("div.cell_input pre")]
          .filter(one => one.scrollWidth > one.clientWidth + 1)
          .map(one => one.innerText.slice(0, 80))"""
    )

    assert cut == []


@pytest.mark.browser
def test_nothing_is_cut_off_on_paper(seen: Any):
    """No listing, table or formula is wider than the text of A4."""
    page = seen.page
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 718, "height": 1000})
    try:
        lost = page.evaluate(
            """() => {
              const paper = document.querySelector("article, main");
              const edge = paper.getBoundingClientRect().right + 1;
              return [...paper.querySelectorAll("*")]
                .filter(one => !one.closest("mjx-assistive-mml, svg *"))
                .filter(one => one.getBoundingClientRect().right > edge
                  || one.matches("pre, .output")
                    && one.scrollWidth > one.clientWidth + 1)
                .map(one => one.tagName + "." + one.className + ": "
                  + one.textContent.slice(0, 60));
            }"""
        )
        assert lost[:5] == []
    finally:
        page.emulate_media(media="screen")
        page.set_viewport_size({"width": 1280, "height": 900})
