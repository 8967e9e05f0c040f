"""Figures with knobs: frames, sizes, and a reader who turns them."""

import itertools
import pathlib
import re
import warnings
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

import matplotlib as mpl
import pytest
import torch

import d2l
from d2l.plot import _html, _svg

CHROMIUM = pathlib.Path("/usr/bin/chromium")
# Untyped: wrong types are handed over on purpose, and matplotlib's own
# types say little about what is drawn.
plot: Any = d2l.plot
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    mpl.use("agg")
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


def bowl(w, b):
    """Return the value of a bowl with its minimum at (1, 2)."""
    return (w - 1) ** 2 + 2 * (b - 2) ** 2


def descend(learning_rate):
    """Draw ten steps of a descent."""
    point, path = torch.tensor([-1.0, 0.0]), []
    for _ in range(10):
        path.append(point)
        w, b = point
        slope = torch.stack([2 * (w - 1), 4 * (b - 2)])
        point = point - learning_rate * slope
    return plot.contours(
        bowl, (-2, 4), (-1, 5), path=torch.stack(path), num=15
    )


def wave(frequency, phase):
    """Draw a line for two knobs."""
    xs = torch.linspace(0, 6, 30)
    return plot.curves(
        {"wave": (xs, torch.sin(frequency * xs + phase))}, ylim=(-1, 1)
    )


def spot(row):
    """Draw an image with one bright row."""
    pixels = torch.zeros(1, 8, 8)
    pixels[0, row] = 1
    return plot.images(pixels)


def svg_in(html):
    """Return the SVG of a page."""
    found = re.search(r"<svg.*</svg>", html, re.DOTALL)
    assert found
    return found[0]


def frame_of(html, index):
    """Return what is drawn in one frame, in order, without its groups."""

    def walk(node, style):
        frames = node.get("data-frames")
        if frames is not None and str(index) not in frames.split():
            return
        own = {
            name: value
            for name, value in node.attrib.items()
            if name not in ("data-frames", "id") and value != "display:none"
        }
        if node.tag != f"{SVG}g" or "transform" in own:
            yield node.tag, node.text, tuple(sorted((style | own).items()))
            own = {}
        for child in node:
            yield from walk(child, style | own)

    svg = ET.fromstring(re.sub(r"f[0-9a-f]{8}-", "", svg_in(html)))
    for child in svg:
        if child.tag != f"{SVG}defs":
            yield from walk(child, {})


@pytest.fixture(scope="module")
def learning():
    """A figure of 25 frames that a page of the book would have."""
    rates = [i / 50 for i in range(1, 26)]
    return plot.explore(descend, alt="Path of a descent", learning_rate=rates)


def test_each_frame_is_what_draw_draws():
    """A frame of the page has the parts of a figure drawn alone."""
    whole = plot.explore(wave, alt="Wave", frequency=[1, 2], phase=[0, 1, 2])

    choices = [(f, p) for f in (1, 2) for p in (0, 1, 2)]
    for index, (frequency, phase) in enumerate(choices):
        alone = _svg.svg(wave(frequency, phase).figure)
        assert list(frame_of(whole.html, index)) == list(frame_of(alone, 0))


def test_frames_keep_their_order_of_drawing():
    """Merged layers of a frame, in order, are its parts."""
    frames = ["abcd", "acbd", "xbcdx", "", "dcba", "abcd"]

    layers = _html.merge(frames)

    for index, parts in enumerate(frames):
        found = [one.content for one in layers if index in one.frames]
        assert found == list(parts)


def test_what_frames_share_stands_once(learning):
    """The contour lines of 25 frames are one set of elements."""
    alone = _svg.svg(descend(0.1).figure)

    html = learning.html

    labels = re.findall(r">(\d\.\d+)</text>", alone)
    assert labels
    for label in labels:
        assert html.count(f">{label}</text>") == alone.count(
            f">{label}</text>"
        )
    assert len(html) < 8 * len(alone)
    assert len(html) < 100_000


def test_turning_a_knob_moves_no_axes():
    """Frames with wider tick labels lie in the same place."""

    def draw(scale):
        return plot.curves({"y": [0, scale]})

    html = plot.explore(draw, alt="Line", scale=[1, 100_000]).html

    white = [
        path.get("d")
        for path in ET.fromstring(svg_in(html)).iter(f"{SVG}path")
        if path.get("style") == "fill:#fff" or path.get("fill") == "#fff"
    ]
    assert len(white) == len(set(white)) == 2  # the card and the axes


def test_wide_labels_of_a_colour_bar_stay_on_the_card():
    """Also those of the frame with the largest numbers."""
    cards = []

    def draw(scale):
        cells = scale * torch.rand(4, 4)
        axes = plot.heatmap(cells, annotate=False)
        cards.append(axes.figure)
        return axes

    plot.explore(draw, alt="Cells", scale=[1, 10_000])

    for card in cards:
        card.draw_without_rendering()
        bar = card.axes[1]
        low, high = bar.get_ylim()
        for tick, label in zip(
            bar.get_yticks(), bar.get_yticklabels(), strict=True
        ):
            if low <= tick <= high:  # the others are not drawn
                assert label.get_window_extent().x1 <= card.bbox.x1


def test_a_page_stands_alone(learning):
    """Ids are used or absent, and nothing is fetched."""
    html = learning.html

    references = re.findall(r'(?:href="|src="|url\()([^")]*)', html)
    ids = re.findall(r'\bid="([^"]*)"', html)
    assert references
    assert {"#" + one for one in ids} == set(references)
    assert len(ids) == len(set(ids))
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")


def test_html_is_well_formed(learning):
    """Every element that opens closes, in order."""
    open_tags = []

    class Checker(HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag not in ("input", "img"):
                open_tags.append(tag)

        def handle_endtag(self, tag):
            assert open_tags.pop() == tag

        def handle_startendtag(self, tag, attrs):
            pass

    Checker().feed(learning.html)

    assert not open_tags


def test_the_frame_to_start_with_needs_no_script(learning):
    """Exactly its parts are visible, and the knobs are hidden."""
    html = plot.explore(
        wave,
        alt="Wave",
        frequency=[1, 2],
        phase=[0, 1, 2],
        start={"phase": 2, "frequency": 1},
    ).html

    groups = re.findall(r'<g data-frames="([\d ]+)"( style="[^"]*")?', html)
    assert groups
    for frames, hidden in groups:
        assert bool(hidden) == ("5" not in frames.split())
    assert '<div class="d2l-knobs" hidden>' in html
    assert re.findall(r'value="(\d)" ', html) == ["1", "2"]


def test_images_are_frames_of_png():
    """Equal frames are stored once, and only the first is visible."""
    html = plot.explore(spot, alt="Row", row=[0, 3, 0]).html

    tags = re.findall(r"<img [^>]*>", html)
    frames = [re.findall('data-frames="(.*?)"', tag) for tag in tags]
    assert frames == [["0 2"], ["1"]]
    assert ["display:none" in tag for tag in tags] == [False, True]
    assert all('alt="Row"' in tag for tag in tags)
    assert "<svg" not in html


def test_awkward_text_survives():
    """Quotes and markup in names and values stay text."""

    def draw(kind):
        return plot.curves({"x": [1, 2]}, title=kind)

    alt = "a \"quoted\" <b> & 'more'"
    html = plot.explore(draw, alt=alt, kind=["</script>", 'a "b"']).html

    seen = {}

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            seen[tag] = dict(attrs)

    Reader().feed(html)
    assert seen["svg"]["aria-label"] == alt
    assert seen["input"]["data-values"] == '["</script>", "a \\"b\\""]'
    assert html.count("</script>") == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1 + 0.2, "0.3"),
        (1e-05, "1e-05"),
        (3, "3"),
        (True, "True"),
        ("relu", "relu"),
        (1234.5678, "1235"),
    ],
)
def test_values_read_well(value, text):
    """Floats have four digits, other values are as they are written."""
    html = plot.explore(
        lambda k: plot.curves({"x": [1, 2]}), alt="x", k=[value, 0]
    ).html

    assert f'aria-valuetext="{text}"' in html


def test_draw_gets_the_values_as_they_were_given():
    """Every choice of values, once each, the last knob fastest."""
    calls = []

    def draw(**values):
        calls.append(values)
        return plot.curves({"x": [1, 2]})

    plot.explore(draw, alt="x", a=["u", "v"], b=torch.tensor([1, 2]))

    assert calls == [{"a": a, "b": b} for a in "uv" for b in (1, 2)]
    assert {type(call["b"]) for call in calls} == {int}


def test_draw_may_return_nothing_or_many_axes():
    """The figure made is the figure meant."""

    def none(k):
        plot.curves({"x": [1, k]})

    def many(k):
        axes = plot.figure(1, 2)
        plot.curves({"x": [1, k]}, ax=axes[1])
        return axes

    for draw in (none, many):
        assert "data-frames" in plot.explore(draw, alt="x", k=[1, 2]).html


def test_no_figure_is_left_open():
    """Frames do not show below the cell, and other figures stay."""
    import matplotlib.pyplot as plt

    other = plot.curves({"x": [1, 2]}).figure

    plot.explore(spot, alt="Row", row=[0, 1])
    with pytest.raises(IndexError):
        plot.explore(spot, alt="Row", row=[0, 99])

    assert [plt.figure(n) for n in plt.get_fignums()] == [other]


def test_as_many_frames_as_are_allowed_are_drawn():
    """The limit itself is not too many."""
    page = plot.explore(spot, alt="Row", row=[0, 1, 2], max_frames=3).html

    assert page.count("<img") == 3


def test_figures_drawn_in_threads_are_kept_apart():
    """Each call sees the figures of its own thread alone."""
    from concurrent.futures import ThreadPoolExecutor

    def page(_):
        return plot.explore(titled, alt="Line", k=[1, 2]).html

    expected = page(0)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(page, range(8))) == {expected}


def test_global_settings_stay_as_they_are():
    """Laying frames out leaves the style of other figures alone."""
    with mpl.rc_context():
        mpl.rcdefaults()
        before = dict(mpl.rcParams)

        plot.explore(wave, alt="Wave", frequency=[1, 2], phase=[0, 1])

        assert dict(mpl.rcParams) == before


def two_figures(k):
    """Draw too much."""
    plot.curves({"x": [1, 2]})
    plot.curves({"x": [1, 2]})


REFUSALS = [
    ({"draw": spot, "alt": " ", "row": [0, 1]}, ValueError, "alt is empty"),
    ({"draw": spot, "alt": "x"}, ValueError, "needs a knob"),
    (
        {"draw": spot, "alt": "x", "row": [3]},
        ValueError,
        r"'row' needs at least two values; received \[3\]",
    ),
    ({"draw": spot, "alt": "x", "row": 3}, TypeError, "'row' .*received 3"),
    ({"draw": spot, "alt": "x", "row": "ab"}, TypeError, "received 'ab'"),
    (
        {"draw": spot, "alt": "x", "row": range(61)},
        ValueError,
        "61 frames .*more than 60; thin 'row' to at most 60 values",
    ),
    (
        {"draw": wave, "alt": "x", "phase": range(12), "frequency": range(6)},
        ValueError,
        "72 frames .*12 of 'phase' x 6 of 'frequency'.* at most 10 values",
    ),
    (
        {"draw": spot, "alt": "x", "row": [0, 1], "start": 2},
        ValueError,
        "'row' must be an index from 0 to 1; received 2",
    ),
    (
        {"draw": spot, "alt": "x", "row": [0, 1], "start": -1},
        ValueError,
        "received -1",
    ),
    (
        {"draw": spot, "alt": "x", "row": itertools.count()},
        ValueError,
        "would draw 10001 frames",
    ),
    (
        {"draw": spot, "alt": "x", "row": [0, 1], "start": {"col": 1}},
        ValueError,
        r"no knob: \['col'\]",
    ),
    (
        {"draw": two_figures, "alt": "x", "k": [0, 1]},
        ValueError,
        r"one figure .*; for \{'k': 0\} it made 2",
    ),
    (
        {"draw": lambda k: None, "alt": "x", "k": [0, 1]},
        ValueError,
        "it made 0",
    ),
    (
        {
            "draw": lambda k: plot.heatmap(torch.ones(k, k)),
            "alt": "x",
            "k": [3, 9],
        },
        ValueError,
        r"one size, but that of \{'k': 9\}",
    ),
]


@pytest.mark.parametrize(("call", "error", "match"), REFUSALS)
def test_refusals_say_what_is_wrong(call, error, match):
    """The message names the knob and what to do."""
    call = dict(call)

    with pytest.raises(error, match=match):
        plot.explore(call.pop("draw"), **call)


def test_the_same_call_has_the_same_bytes():
    """Nothing random names an element."""
    pages = {
        plot.explore(wave, alt="Wave", frequency=[1, 2], phase=[0, 1]).html
        for _ in range(2)
    }

    assert len(pages) == 1


def test_without_a_notebook_there_is_html():
    """Any front end that asks for HTML gets the page."""
    figure = plot.explore(spot, alt="Row", row=[0, 1])

    assert figure._repr_html_() == figure.html
    assert repr(figure) == "explore: Row"


KERNEL = """
import d2l
def draw(k):
    return d2l.plot.curves({'x': [1, k]}, title=f'drawn with {k}')
figure = d2l.plot.explore(draw, alt='Line', k=[1, 2, 3], start=1)
figure
"""


def run_notebook(*cells):
    """Return a notebook of these cells, run by a real kernel."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the client, not of the kernel
        NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return notebook


@pytest.fixture(scope="module")
def shown_live():
    """A notebook that someone ran, and nobody recorded."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("D2L_RECORDING", raising=False)
        return run_notebook(KERNEL)


def test_a_recorded_notebook_holds_what_a_live_one_shows(
    monkeypatch, shown_live
):
    """The output is HTML that needs no kernel, whoever runs the cell."""
    monkeypatch.setenv("D2L_RECORDING", "1")

    (recorded,) = run_notebook(KERNEL).cells[0].outputs
    (live,) = shown_live.cells[0].outputs

    assert recorded.data == live.data
    assert set(live.data) == {"text/html", "text/plain"}
    assert live.data["text/plain"] == "explore: Line"


def test_an_exported_notebook_shows_every_frame(shown_live):
    """A control would be chosen first, and is dead without its kernel."""
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(template_name="basic")
    page, _ = exporter.from_notebook_node(shown_live)

    for k in (1, 2, 3):
        assert f"drawn with {k}" in page
    assert 'class="d2l-knob"' in page
    assert "widget" not in page


@pytest.fixture(scope="module")
def browser():
    """Chromium, or a reason to skip."""
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed"
    )
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox"]
        )
        yield chromium
        chromium.close()


def visible_titles(page):
    """Return the titles of the frames that can be seen."""
    texts = page.locator("svg text").all()
    return [
        text.text_content()
        for text in texts
        if text.is_visible() and text.text_content().startswith("drawn")
    ]


def titled(k, shape="line"):
    """Draw a figure that says what it shows."""
    return plot.curves({"x": [1, 2]}, title=f"drawn {k} {shape}")


@pytest.mark.browser
def test_arrow_keys_turn_the_knob(browser):
    """A reader with a keyboard sees, and hears, the chosen frame."""
    html = plot.explore(titled, alt="Line", k=[0.5, 1.5, 2.5]).html
    page = browser.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(error))
    page.set_content(html)
    knob = page.get_by_role("slider", name="k")

    def heard_and_seen():
        value = knob.get_attribute("aria-valuetext")
        beside = page.locator("output").text_content()
        return visible_titles(page), value, beside

    seen = [heard_and_seen()]
    page.keyboard.press("Tab")
    for key in ("ArrowRight", "End", "ArrowLeft", "Home"):
        page.keyboard.press(key)
        seen.append(heard_and_seen())

    assert not errors
    assert seen == [
        ([f"drawn {value} line"], value, value)
        for value in ("0.5", "1.5", "2.5", "1.5", "0.5")
    ]
    assert page.get_by_role("img", name="Line").count() == 1
    page.close()


@pytest.mark.browser
def test_two_knobs_choose_one_frame(browser):
    """Each knob keeps its place when the other is turned."""
    html = plot.explore(
        titled, alt="Line", k=[1, 2], shape=["a", "b", "c"]
    ).html
    page = browser.new_page()
    page.set_content(html)

    page.get_by_role("slider", name="shape").press("End")
    first = visible_titles(page)
    page.get_by_role("slider", name="k", exact=False).first.press("End")

    assert first == ["drawn 1 c"]
    assert visible_titles(page) == ["drawn 2 c"]
    page.close()


@pytest.mark.browser
def test_figures_on_one_page_turn_alone(browser):
    """The same figure twice on a page, and another, do not mix."""
    one = plot.explore(titled, alt="Line", k=[1, 2]).html
    images = plot.explore(spot, alt="Row", row=[0, 5]).html
    page = browser.new_page()
    page.set_content(one + images + one)

    titles = []
    for number in range(3):
        page.get_by_role("slider").nth(number).press("ArrowRight")
        titles.append(visible_titles(page))

    one, two = "drawn 1 line", "drawn 2 line"
    assert titles == [[two, one], [two, one], [two, two]]
    pictures = [image.is_visible() for image in page.locator("img").all()]
    assert pictures == [False, True]
    assert (
        page.evaluate("Object.keys(window).filter(k => /d2l/i.test(k))") == []
    )
    page.close()


@pytest.mark.browser
def test_without_scripts_the_first_frame_is_seen(browser):
    """A page whose scripts were taken away still has its figure."""
    html = plot.explore(titled, alt="Line", k=[1, 2], start=1).html
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_content(html)

    assert visible_titles(page) == ["drawn 2 line"]
    assert not page.locator("input").is_visible()
    context.close()


@pytest.mark.browser
def test_a_figure_fits_a_phone(browser):
    """Neither picture nor knobs are wider than a narrow page."""
    html = plot.explore(titled, alt="Line", k=[1, 2], shape=["a", "b"]).html
    page = browser.new_page(viewport={"width": 320, "height": 600})
    page.set_content(html)

    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 320
    page.close()


@pytest.mark.browser
def test_nothing_is_fetched(browser, learning):
    """Showing and turning a figure asks the network for nothing."""
    page = browser.new_page()
    requests = []
    page.on("request", lambda request: requests.append(request.url))

    page.set_content(learning.html)
    page.get_by_role("slider").press("End")

    assert [url for url in requests if not url.startswith("data:")] == []
    page.close()
