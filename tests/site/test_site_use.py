"""What a reader does with the site: search, skip, choose the colours."""

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


@pytest.mark.parametrize(
    ("words", "rank"), [("softmax regression from scratch", 3), ("3.6", 1)]
)
def test_search_finds_a_section(visit: Visit, words: str, rank: int):
    """Words of a title, or its number, in the search box lead to its page."""
    wanted = page_of("3.6")

    with visit("index") as seen:
        seen.page.keyboard.press("Control+k")
        box = seen.page.locator("#pst-search-dialog input[type=search]")
        box.fill(words)
        box.press("Enter")
        link = seen.page.locator("#search-results li a").first
        link.wait_for(timeout=10_000)

        found = seen.page.locator("#search-results li a").evaluate_all(
            "links => links.map(link => link.pathname)"
        )
        assert f"/{wanted.name}.html" in found[:rank]
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


def test_paper_is_white_when_the_screen_is_dark(visit: Visit):
    """Figures, code and text are printed as in light colours."""
    look = """() => {
      const style = one => getComputedStyle(document.querySelector(one));
      window.looks.push([document.documentElement.dataset.theme,
        style('.bd-article img[src$=".svg"]').filter,
        style(".bd-article pre .n").color]);
    }"""
    with visit(page_of("3.6").name) as seen:
        seen.page.emulate_media(color_scheme="light")
        seen.page.evaluate(f"() => {{window.looks = []; ({look})()}}")
        # Chosen by the reader: what the system prefers is light on paper.
        seen.page.evaluate(
            """() => Object.assign(document.documentElement.dataset,
                 {mode: "dark", theme: "dark"})"""
        )
        seen.page.evaluate(f"() => addEventListener('beforeprint', {look})")
        seen.page.evaluate(f"() => addEventListener('afterprint', {look})")

        seen.page.pdf()

        light, printed, dark = seen.page.evaluate("() => window.looks")
        assert light[:2] == ["light", "none"]
        assert printed == light
        assert dark[0] == "dark"
        assert all(
            one != other for one, other in zip(dark, light, strict=True)
        )


def ground(seen: Any) -> int:
    """Return red + green + blue of the page's background."""
    colour = seen.page.evaluate(
        "() => getComputedStyle(document.body).backgroundColor"
    )
    return sum(map(int, re.findall(r"\d+", colour)[:3]))
