"""What a reader does with the site: search, keyboard, colours, knobs."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tools import pages

pytestmark = pytest.mark.browser

Visit = Callable[..., Any]


def page_of(number: str) -> pages.Page:
    """Return the page of a section."""
    entry = next(one for one in pages.plan() if one.number == number)
    source = entry.source()
    assert source, f"section {number} has no page"
    return pages.Page(source)


def test_search_finds_a_section_by_its_words(visit: Visit):
    """Words of a title, typed into the search box, lead to its page."""
    wanted = page_of("3.6")

    with visit("index") as seen:
        seen.page.keyboard.press("Control+k")
        box = seen.page.locator("#pst-search-dialog input[type=search]")
        box.fill("softmax regression from scratch")
        box.press("Enter")
        link = seen.page.locator("#search-results li a").first
        link.wait_for(timeout=10_000)

        found = seen.page.locator("#search-results li a").evaluate_all(
            "links => links.map(link => link.pathname)"
        )
        assert f"/{wanted.name}.html" in found[:3]
        assert seen.complaints == []


def test_first_tab_offers_to_skip_to_the_text(visit: Visit):
    """A keyboard reaches the text without walking through the side bar."""
    with visit(pages.notebooks()[0].name) as seen:
        seen.page.keyboard.press("Tab")
        assert seen.page.evaluate(
            "() => document.activeElement.closest('.skip-link') !== null"
        )

        seen.page.keyboard.press("Enter")
        assert seen.page.url.endswith("#main-content")


def test_reader_can_choose_the_colours(visit: Visit):
    """The button changes what the system prefers, and it can be named."""
    with visit("index") as seen:
        seen.page.emulate_media(color_scheme="light")
        assert ground(seen) > 3 * 200
        button = seen.page.locator(".bd-header-article .theme-switch-button")
        assert button.get_attribute("aria-label")

        for _ in range(3):
            button.click()
            if seen.page.locator('html[data-mode="dark"]').count():
                break

        assert ground(seen) < 3 * 60
        # Leave no choice behind for the next page.
        seen.page.evaluate("() => localStorage.clear()")


def ground(seen: Any) -> int:
    """Return red + green + blue of the page's background."""
    colour = seen.page.evaluate(
        "() => getComputedStyle(document.body).backgroundColor"
    )
    return sum(map(int, re.findall(r"\d+", colour)[:3]))


def test_line_art_is_turned_over_in_the_dark(visit: Visit):
    """Drawings are inverted on a dark page, photographs never."""
    kinds = {
        "line art": ".bd-article img[src$='.svg'], .d2l-explore svg",
        "pixels": ".bd-article img[src$='.png']",
    }
    filters: dict[tuple[str, str], set[str]] = {}
    cards: set[str] = set()

    for page in pages.notebooks():
        with visit(page.name) as seen:
            for scheme in ("light", "dark"):
                seen.page.emulate_media(color_scheme=scheme)
                seen.page.wait_for_selector(f'html[data-theme="{scheme}"]')
                for kind, selector in kinds.items():
                    used = seen.page.locator(selector).evaluate_all(
                        "all => all.map(one => getComputedStyle(one).filter)"
                    )
                    filters.setdefault((kind, scheme), set()).update(used)
            figures = seen.page.locator(".text_html:has(.d2l-explore)")
            cards.update(
                figures.evaluate_all(
                    "all => all.map(one => "
                    "getComputedStyle(one).backgroundColor)"
                )
            )

    assert filters["line art", "light"] == {"none"}
    (dark,) = filters["line art", "dark"]
    assert dark.startswith("invert(")
    assert cards <= {"rgba(0, 0, 0, 0)"}, "a light card behind line art"
    assert filters["pixels", "light"] <= {"none"}
    assert filters["pixels", "dark"] <= {"none"}


def test_knobs_turn_with_the_arrow_keys(visit: Visit):
    """A slider of plot.explore changes its value and its figure."""
    turned = 0
    with_knobs = [
        page
        for page in pages.notebooks()
        if any("plot.explore(" in cell.source for cell in page.code)
    ]

    for page in with_knobs:
        with visit(page.name) as seen:
            for slider in seen.page.locator(".d2l-knob input").all():
                turned += 1
                before = shown(slider)
                slider.focus()
                at_end = slider.evaluate("one => one.value === one.max")
                seen.page.keyboard.press(
                    "ArrowLeft" if at_end else "ArrowRight"
                )
                after = shown(slider)
                assert before["value"] != after["value"], page.name
                assert before["frame"] != after["frame"], page.name

    assert turned, "no page has a figure with a knob"


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
