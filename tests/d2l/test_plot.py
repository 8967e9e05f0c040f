"""Figures: what they show, how small they are, what they refuse."""

import base64
import io
import re
import subprocess
import sys
import warnings
from typing import Any
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest
import torch
from PIL import Image

import d2l
from d2l.plot import _png, _svg

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


def svg_of(axes):
    """Return the SVG that a notebook would show."""
    return _svg.svg(np.ravel(axes)[0].figure)


def texts_of(svg):
    """Return the texts of a picture."""
    found = ET.fromstring(svg).iter(f"{SVG}text")
    return ["".join(text.itertext()) for text in found]


def loss(w, b):
    """Return the value of a bowl with its minimum at (1, 2)."""
    return (w - 1) ** 2 + 2 * (b - 2) ** 2


def two_curves():
    """Draw the figure that most pages have."""
    epochs = torch.arange(1, 11)
    return plot.curves(
        {"train": (epochs, 1 / epochs), "test": (epochs, 1.2 / epochs)},
        xlabel="epoch",
        ylabel="loss (nats)",
        markers=True,
    )


FIGURES = {
    "curves": two_curves,
    "functions": lambda: plot.functions({"relu": torch.relu}, -2, 2),
    "scatter": lambda: plot.scatter(torch.arange(500), torch.arange(500)),
    "bars": lambda: plot.bars(["a", "b"], [1.0, 2.0]),
    "histogram": lambda: plot.histogram(torch.linspace(0, 1, 100) ** 2),
    "heatmap": lambda: plot.heatmap(torch.arange(100).reshape(10, 10) / 7),
    "big heatmap": lambda: plot.heatmap(torch.arange(900).reshape(30, 30)),
    "contours": lambda: plot.contours(loss, (-1, 3), (0, 4)),
    "figure": lambda: plot.figure(2, 2),
    "surface": lambda: plot.surface(loss, (-1, 3), (0, 4)),
    "bands": lambda: plot.bands({"a": torch.arange(99).reshape(9, 11) % 7}),
    "hatched bars": lambda: plot.bars(
        ["a"], {str(i): [i + 1] for i in range(8)}
    ),
}
LARGE = {"surface": 50_000, "heatmap": 30_000}


def test_a_curve_goes_through_its_points():
    """The coordinates in the SVG are the points, up to the axes' scale."""
    xs, ys = torch.rand(9).cumsum(0), torch.rand(9)

    svg = svg_of(plot.curves({"line": (xs, ys)}))

    path = next(
        node.attrib["d"]
        for node in ET.fromstring(svg).iter(f"{SVG}path")
        if "stroke:#0072b2" in node.get("style", "")
    )
    points = torch.tensor(
        [[float(x) for x in p.split()] for p in re.split("[ML]", path)[1:]]
    )
    across, down = (points - points[0]).T
    right, up = xs - xs[0], ys - ys[0]
    near: Any = {"atol": 2e-4, "rtol": 0}
    torch.testing.assert_close(across / across[-1], right / right[-1], **near)
    torch.testing.assert_close(
        down / down.abs().max(), -up / up.abs().max(), **near
    )


@pytest.mark.parametrize("name", FIGURES)
def test_line_art_is_small_and_stands_alone(name):
    """One SVG element on a white card that asks for no other file."""
    svg = svg_of(FIGURES[name]())

    root = ET.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    assert len(svg) < LARGE.get(name, 25_000)
    references = re.findall(r'(?:href="|url\()([^")]*)', svg)
    assert all(re.match("#|data:image/png;", found) for found in references)
    used = {found[1:] for found in references if found.startswith("#")}
    assert used == {node.get("id") for node in root.iter() if node.get("id")}
    assert not re.search("DOCTYPE|<script|<style|metadata|Matplotlib", svg)
    assert _svg.MARK not in svg
    background = root.find(f"{SVG}path")
    assert background is not None
    assert background.get("style") == "fill:#fff"


def test_labels_are_text():
    """Labels can be searched, read aloud, and drawn in the reader's font."""
    svg = svg_of(two_curves())

    assert {"epoch", "loss (nats)", "train", "test"} <= set(texts_of(svg))
    assert "Verdana" in svg


def test_awkward_text_survives():
    """Markup in a label is text, and so is a style's look-alike."""
    name = 'a <b> & "c" style="fill:#123456"'

    svg = svg_of(plot.curves({"x": [1, 2]}, xlabel=name))

    assert name in texts_of(svg)


def test_cells_keep_their_colours():
    """The SVG of a map has matplotlib's colour for every cell."""
    axes = plot.heatmap([[0.0, 1.0], [2.0, 3.0]])
    expected = [
        mpl.colors.to_hex(color)
        for color in axes.collections[0].to_rgba(np.arange(4.0))
    ]

    cells = re.findall("fill:(#[0-9a-f]+);stroke:#fff", svg_of(axes))

    assert [mpl.colors.to_hex(cell) for cell in cells] == expected


def test_dots_join_into_one_path():
    """A cloud of points is one element with a dot for each of them."""
    svg = svg_of(plot.scatter(range(300), range(300)))

    longest = max(
        (node.get("d", "") for node in ET.fromstring(svg).iter()), key=len
    )
    assert len(re.findall(r"M[\d. -]+h0", longest)) == 300


def test_a_joined_dot_is_as_wide_as_its_marker():
    """A stroke's width is the diameter."""
    svg = svg_of(plot.scatter(range(9), range(9), dot=6.0))

    (width,) = set(re.findall(r'stroke-width="([\d.]+)"', svg))
    assert float(width) == pytest.approx(6.0)
    # Without round ends a stroke of no length cannot be seen.
    assert svg.count('stroke-linecap="round"') == 1
    dots = [n for n in ET.fromstring(svg).iter() if "h0" in n.get("d", "")]
    assert [(n.get("fill"), n.get("stroke")) for n in dots] == [
        ("none", plot.COLORS[0])
    ]


def test_only_equal_round_dots_are_joined():
    """Few of them, squares, and clouds of two colours stay as they are."""
    few = svg_of(plot.scatter(range(3), range(3)))
    four = svg_of(plot.scatter(range(4), range(4)))
    mixed = plot.figure()
    mixed.scatter(range(8), range(8), c=["#ff0000", "#00ff00"] * 4)
    squares = plot.figure()
    squares.plot(range(8), range(8), "s", markeredgewidth=0)

    joined = ["h0" in svg for svg in (few, four)]
    joined += ["h0" in svg_of(axes) for axes in (mixed, squares)]
    assert joined == [False, True, False, False]


def test_bold_and_slanted_text_stays_so():
    """The font is that of the page, its weight and slant are the figure's."""
    axes = plot.figure()
    axes.set_title("x", fontweight="bold", fontstyle="italic", fontsize=13)
    axes.set_ylabel("up")

    svg = svg_of(axes)

    texts = {
        "".join(node.itertext()): node
        for node in ET.fromstring(svg).iter(f"{SVG}text")
    }
    style = texts["x"].get("style", "")
    assert {"font-weight:700", "font-style:italic", "font-size:13px"} <= set(
        style.split(";")
    )
    assert "font-family" not in svg.partition(">")[2]
    assert texts["up"].get("transform", "").startswith("rotate(-90 ")
    assert texts["x"].get("transform") is None


def test_numbers_are_as_long_as_can_be_seen():
    """A hundredth of a point for places, and no empty attribute."""
    svg = svg_of(two_curves())

    places = re.findall(r' (?:d|x|y|points)="([^"]*)"', svg)
    longest = max(re.findall(r"\.(\d+)", " ".join(places)), key=len)
    assert len(longest) == 2
    assert "-0 " not in svg
    assert not re.search(r'(style|transform)=""', svg)
    assert "#ffffff" not in svg


def test_a_long_series_keeps_its_extremes():
    """100,000 points become few, and the one spike among them stays."""
    ys = torch.zeros(100_000)
    ys[54_321] = 7.0
    ys[12_345] = torch.nan

    axes = plot.curves({"spike": ys})

    xs, shown = axes.lines[0].get_data()
    assert len(xs) < 1300
    assert shown[list(xs).index(54_321)] == 7.0
    assert np.isnan(shown).any()
    assert (xs[0], xs[-1]) == (0, 99_999)


def test_a_curve_that_turns_back_is_not_thinned():
    """Only a series in order along x may lose points."""
    angle = torch.linspace(0, 6.28, 5000)

    axes = plot.curves({"circle": (angle.cos(), angle.sin())})

    assert len(axes.lines[0].get_xdata()) == 5000


@pytest.mark.parametrize("name", FIGURES)
def test_the_same_figure_has_the_same_bytes(name):
    """Drawing twice makes no difference."""
    assert svg_of(FIGURES[name]()) == svg_of(FIGURES[name]())


def test_other_processes_draw_the_same_bytes():
    """No hash seed, date or counter of a process shows in a figure."""
    code = """
import hashlib, torch
from d2l import plot
from d2l.plot import _png, _svg
a = plot.curves({"a": [1, 3, 2], "b": [2, 1, 3]}, log="y", markers=True)
b = plot.images(torch.arange(784).reshape(1, 28, 28) % 256)
e = plot.explore(lambda k: plot.bars("ab", [k, 1]), alt="x", k=[1, 2])
all = _svg.svg(a.figure).encode() + _png.png(b[0].figure)
print(hashlib.sha256(all + e.html.encode()).hexdigest())
"""
    hashes = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "MPLBACKEND": "agg", "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(hashes) == 1


def test_figures_on_one_page_do_not_share_ids():
    """Two figures with the same frame of axes still name it apart."""
    ids = [
        {node.get("id") for node in ET.fromstring(svg).iter()} - {None}
        for svg in (
            svg_of(plot.curves({"x": [1, 2]})),
            svg_of(plot.curves({"x": [2, 1]})),
        )
    ]

    assert ids[0]
    assert not ids[0] & ids[1]


@pytest.mark.parametrize(("num_lines", "has_legend"), [(1, False), (2, True)])
def test_a_legend_needs_two_series(num_lines, has_legend):
    """One line is named by the axis."""
    axes = plot.curves({f"line {i}": [0, i] for i in range(num_lines)})

    assert (axes.get_legend() is not None) == has_legend


def test_lines_differ_without_colour():
    """On a grey print the dashes tell seven lines apart."""
    axes = plot.curves({str(i): [0, i] for i in range(7)})

    assert len({str(line._dash_pattern) for line in axes.lines}) == 7
    assert len({line.get_color() for line in axes.lines[:6]}) == 6


def looks_of(lines):
    """Return colour, dashes and marker of each line."""
    return [
        (line.get_color(), str(line._dash_pattern), line.get_marker())
        for line in lines
    ]


def test_thirty_series_have_thirty_looks():
    """No colour comes again with the same dashes, or the same marker."""
    thirty = {str(i): [0, i] for i in range(30)}

    lines = plot.curves(thirty).lines
    dots = plot.scatter(range(30), range(30), groups=range(30)).lines
    own = plot.figure()
    for ys in thirty.values():
        own.plot(ys)

    for shown in (lines, dots, own.lines):
        assert len(set(looks_of(shown))) == 30


def many(num):
    """Return values for so many series."""
    return {str(i): [0.0, 1.0] for i in range(num)}


@pytest.mark.parametrize(
    "draw",
    [
        lambda num: plot.curves(many(num)),
        lambda num: plot.scatter([0] * num, [0] * num, groups=range(num)),
        lambda num: plot.bars(["a", "b"], many(num)),
        lambda num: plot.histogram(many(num)),
        lambda num: plot.bands(
            {name: [ys, ys] for name, ys in many(num).items()}
        ),
        lambda num: plot.curves(
            many(num - 20), ax=plot.curves(many(20), markers=True)
        ),
    ],
    ids=["curves", "scatter", "bars", "histogram", "bands", "added curves"],
)
def test_more_series_than_can_be_told_apart_are_refused(draw):
    """Thirty are drawn; of 31 the message says how many there are."""
    draw(30)

    with pytest.raises(ValueError, match="31 series in one plot"):
        draw(31)


def test_lines_without_a_name_count_for_the_style_alone():
    """Forty nameless lines leave room for a named one, in its own colour."""
    axes = plot.figure()
    for i in range(40):
        axes.plot([0, i], color="#dddddd")

    plot.curves({"mean": [0, 20]}, ax=axes)

    assert axes.lines[40].get_color() == plot.COLORS[40 % 6]


def test_a_hatch_keeps_its_pattern():
    """Bars whose colours come again are hatched, in the SVG too."""
    axes = FIGURES["hatched bars"]()

    svg = svg_of(axes)

    assert [bar.get_hatch() for bar in axes.patches] == [None] * 6 + [
        "///"
    ] * 2
    root = ET.fromstring(svg)
    patterns = {node.get("id") for node in root.iter(f"{SVG}pattern")}
    fills = set(re.findall(r"fill:url\(#([^)]*)\)", svg))
    assert fills == patterns
    assert len(patterns) == 2


def test_curves_take_what_holds_numbers():
    """Tensors with gradients, half precision, arrays and lists are alike."""
    given = [1.0, 2.0, 4.0]

    axes = plot.curves(
        {
            "list": given,
            "array": np.array(given),
            "gradient": torch.tensor(given, requires_grad=True),
            "bfloat16": torch.tensor(given, dtype=torch.bfloat16),
            "numbers": [torch.tensor(x) for x in given],
            "pair": (range(3), given),
        }
    )

    for line in axes.lines:
        np.testing.assert_array_equal(line.get_ydata(), given)


def test_two_numbers_in_a_tuple_are_a_series():
    """Only a tuple of two series is taken as (xs, ys)."""
    axes = plot.curves({"short": (3.0, 5.0)})

    assert list(axes.lines[0].get_ydata()) == [3.0, 5.0]


def test_drawing_into_axes_adds_to_them():
    """A second call goes on with the next colour, and a legend appears."""
    axes = plot.curves({"a": [1, 2]})

    again = plot.curves({"b": [2, 1]}, ax=axes)

    assert again is axes
    assert axes.lines[1].get_color() == plot.COLORS[1]
    assert axes.get_legend() is not None


def band_of(axes, index=0):
    """Return the low and the high end of a band at each of its steps."""
    (path,) = axes.collections[index].get_paths()
    ends: Any = {}
    for x, y in path.vertices:
        ends.setdefault(x, []).append(y)
    return np.array([(min(ys), max(ys)) for _, ys in sorted(ends.items())]).T


@pytest.mark.parametrize("share", [0.5, 0.95, 1.0])
def test_a_band_holds_its_share_of_the_runs(share):
    """Ends and line are NumPy's quantiles over the seeds."""
    runs = torch.randn(12, 7)

    axes = plot.bands({"ours": runs}, interval=share)

    outside = (1 - share) / 2
    expected = np.quantile(runs, [outside, 1 - outside], axis=0)
    np.testing.assert_allclose(band_of(axes), expected, rtol=1e-6)
    xs, ys = axes.lines[0].get_data()
    np.testing.assert_allclose(ys, np.median(runs, axis=0), rtol=1e-6)
    assert list(xs) == list(range(7))
    assert axes.get_legend() is None


def test_a_band_is_narrower_than_all_of_its_runs_unless_asked():
    """By default one run in twenty lies outside."""
    runs = torch.arange(41.0)[:, None].expand(41, 2)

    low, high = band_of(plot.bands({"a": runs}))

    np.testing.assert_allclose(low, [1, 1])
    np.testing.assert_allclose(high, [39, 39])


def test_bands_of_several_series_share_a_plot():
    """Each has the colour of its line, its own steps, and a name."""
    axes = plot.bands(
        {"a": torch.rand(3, 4), "b": ([1, 10, 100], torch.rand(2, 3))},
        log="x",
        xlim=(1, 50),
        ylim=(0, 2),
        title="Runs",
    )

    assert list(axes.lines[1].get_xdata()) == [1, 10, 100]
    assert axes.get_xscale() == "log"
    assert axes.get_yscale() == "linear"
    assert (axes.get_xlim(), axes.get_ylim()) == ((1, 50), (0, 2))
    assert axes.get_title() == "Runs"
    for index, name in enumerate("ab"):
        (color,) = axes.collections[index].get_facecolor()
        assert mpl.colors.to_hex(color) == plot.COLORS[index]
        assert 0 < color[3] < 0.5
        assert axes.lines[index].get_label() == name
        assert axes.lines[index].get_color() == plot.COLORS[index]
    dashes = {str(line._dash_pattern) for line in axes.lines}
    assert len(dashes) == 2
    legend = axes.get_legend().get_texts()
    assert [text.get_text() for text in legend] == ["a", "b"]


def test_a_run_that_diverged_is_above_all_others():
    """The band is open to the highest finite value, the median goes on."""
    runs = torch.tensor(
        [[1.0, 1.0, 1.0], [2.0, 2.0, 2.0], [3.0, torch.nan, -torch.inf]]
    )

    axes = plot.bands({"a": runs}, interval=1)

    low, high = band_of(axes)
    np.testing.assert_array_equal(low, [1, 1, 1])
    np.testing.assert_array_equal(high, [3, 3, 3])
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), [2, 2, 2])


def test_a_line_ends_where_half_of_the_runs_have_diverged():
    """And a band that is open above reaches the end of the axis."""
    runs = torch.tensor([[1.0, 1.0], [3.0, torch.inf]])

    axes = plot.bands({"a": runs}, interval=1, ylim=(0, 9))

    ys = axes.lines[0].get_ydata()
    assert ys[0] == 2
    assert np.isnan(ys[1])
    assert band_of(axes)[1].tolist() == [3, 9]


def test_functions_are_sampled_on_the_whole_interval():
    """Both ends belong to the graph."""
    axes = plot.functions({"square": torch.square}, -3, 2, num=11)

    xs, ys = axes.lines[0].get_data()
    assert (xs[0], xs[-1], len(xs)) == (-3, 2, 11)
    np.testing.assert_allclose(ys, xs**2, rtol=1e-6)


def test_a_function_may_work_in_place():
    """Each function gets its own points."""
    axes = plot.functions(
        {"double": lambda x: x.mul_(2), "same": lambda x: x}, 0, 1
    )

    double, same = (line.get_xydata() for line in axes.lines)
    np.testing.assert_allclose(double[:, 1], 2 * double[:, 0])
    np.testing.assert_allclose(same[:, 1], same[:, 0])


def test_scatter_names_its_groups():
    """Each group has its own marker, colour and name."""
    axes = plot.scatter(
        torch.arange(6), torch.arange(6), groups=torch.arange(6) % 3
    )

    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["0", "1", "2"]
    assert len({line.get_marker() for line in axes.lines}) == 3
    np.testing.assert_array_equal(axes.lines[1].get_xdata(), [1, 4])


def test_bars_stand_side_by_side():
    """Bars of two series share the width of one label."""
    axes = plot.bars(["a", "b"], {"one": [1, 2], "two": [3, 4]})

    ends = [(bar.get_x(), bar.get_width()) for bar in axes.patches]
    assert ends[0][0] + ends[0][1] == pytest.approx(ends[2][0])
    assert [bar.get_height() for bar in axes.patches] == [1, 2, 3, 4]


def test_horizontal_bars_read_from_the_top():
    """The first label stands highest."""
    axes = plot.bars(["first", "second"], [1, 2], horizontal=True)

    assert axes.yaxis_inverted()
    assert axes.patches[1].get_width() == 2


def test_histogram_counts_what_numpy_counts():
    """Bins and heights are NumPy's; NaN is left out."""
    values = torch.randn(500)
    values[3] = torch.nan

    axes = plot.histogram(values, bins=7)

    heights, edges = np.histogram(values[~values.isnan()].numpy(), 7)
    data = axes.patches[0].get_data()
    np.testing.assert_array_equal(data.values, heights)
    np.testing.assert_allclose(data.edges, edges)


@pytest.mark.parametrize(
    "shape", [(28, 28), (4, 8, 9), (5, 1, 28, 28), (2, 3, 10, 20), (1, 4, 4)]
)
def test_images_of_any_size(shape):
    """One axes per image, filled with its pixels, in a PNG of its shape."""
    pixels = torch.rand(shape)
    num = 1 if len(shape) == 2 else shape[0]

    axes = plot.images(pixels)

    assert axes.shape == (num,)
    expected = pixels.reshape(num, -1, *shape[-2:])[0]
    shown = axes[0].images[0].get_array()
    np.testing.assert_allclose(
        np.atleast_3d(shown), np.moveaxis(expected.numpy(), 0, -1)
    )
    assert axes[0].figure.art == "png"


def channels_of(axes):
    """Return 1 for each grey image and 3 for each image in colour."""
    arrays = [one.images[0].get_array() for one in np.ravel(axes)]
    return [1 if array.ndim == 2 else array.shape[-1] for array in arrays]


def test_three_planes_are_a_picture_where_one_picture_is_meant():
    """Titles, axes and columns say whether it is one or three."""
    pixels = torch.rand(3, 8, 9)

    assert channels_of(plot.images(pixels, titles=["cat"])) == [3]
    assert channels_of(plot.images(pixels, ax=plot.figure())) == [3]
    assert channels_of(plot.images(pixels, titles="rgb")) == [1, 1, 1]
    assert channels_of(plot.images(pixels, num_cols=3)) == [1, 1, 1]
    assert channels_of(plot.images(pixels[None])) == [3]
    assert channels_of(plot.images(pixels[:, None])) == [1, 1, 1]
    assert channels_of(plot.images(list(pixels))) == [1, 1, 1]


def test_small_matrices_are_no_pictures():
    """Three kernels of 3 x 3, and images three pixels high and wide."""
    for shape in [(3, 3, 3), (5, 3, 3), (3, 2, 2)]:
        assert channels_of(plot.images(torch.rand(shape))) == [1] * shape[0]


def test_boxes_lie_on_the_pixels_they_name():
    """The box (0, 0, w, h) frames the whole picture."""
    axes = plot.boxes(
        torch.rand(3, 6, 8),
        torch.tensor([[0, 0, 8, 6], [1, 2, 4, 3], [0, 0, 1, 1]]),
        labels=["dog", "cat", "dog"],
        scores=torch.tensor([0.951, 0.5, 1.0]),
    )

    first, second, third = axes.patches
    assert first.get_bbox().extents.tolist() == [-0.5, -0.5, 7.5, 5.5]
    assert list(axes.images[0].get_extent()) == [-0.5, 7.5, 5.5, -0.5]
    assert second.get_bbox().extents.tolist() == [0.5, 1.5, 3.5, 2.5]
    texts = [text.get_text() for text in axes.texts]
    assert texts == ["dog 0.95", "cat 0.50", "dog 1.00"]
    assert axes.texts[1].get_position() == (0.5, 1.5)
    assert first.get_edgecolor() == third.get_edgecolor()
    assert first.get_edgecolor() != second.get_edgecolor()
    assert not any(patch.get_fill() for patch in axes.patches)
    assert axes.figure.art == "png"


def test_boxes_go_over_an_image_that_is_there():
    """A detector that found nothing draws nothing."""
    (axes,) = plot.images(torch.rand(1, 6, 8))

    again = plot.boxes(axes, torch.empty(0, 4), labels=[], scores=[])
    plot.boxes(axes, [[1, 1, 2, 2]], labels=torch.tensor([7]))
    plot.boxes(axes, [[1, 1, 2, 2]])

    assert again is axes
    assert [text.get_text() for text in axes.texts] == ["7", ""]
    assert len(axes.patches) == 2


def test_a_png_shows_the_pixels_exactly():
    """Fewer colours in the file do not change a pixel."""
    axes = plot.images(torch.rand(1, 3, 6, 6))

    data = _png.png(axes[0].figure)

    buffer = io.BytesIO()
    axes[0].figure.savefig(buffer, format="png", dpi=192)
    whole, small = Image.open(buffer), Image.open(io.BytesIO(data))
    assert small.convert("RGB").tobytes() == whole.convert("RGB").tobytes()
    assert small.mode == "P"
    assert len(data) < len(buffer.getvalue())
    assert not small.info.get("Software")


def test_grey_images_are_scaled_together():
    """Bytes run to 255, fractions to 1, other numbers over all images."""
    images = {
        (0, 255): torch.full((2, 4, 4), 9, dtype=torch.uint8),
        (0, 1): torch.rand(2, 4, 4) / 2,
        (-1, 3): torch.linspace(-1, 3, 32).reshape(2, 4, 4),
    }

    for limits, pixels in images.items():
        for axes in plot.images(pixels):
            assert axes.images[0].get_clim() == limits


def test_ten_garments_are_a_small_file():
    """A row of small grey images stays below 40 kB."""
    axes = plot.images(torch.rand(10, 1, 28, 28), titles=range(10))

    assert len(_png.png(axes[0].figure)) < 40_000


def test_numbers_on_cells_can_be_read():
    """Every number has a contrast of at least 4.5 to its cell."""
    axes = plot.heatmap(torch.linspace(0, 1, 100).reshape(10, 10))

    def luminance(color):
        rgb = np.array(mpl.colors.to_rgb(color))
        linear = np.where(
            rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4
        )
        return linear @ [0.2126, 0.7152, 0.0722]

    cells = axes.collections[0].to_rgba(np.linspace(0, 1, 100))
    for text, cell in zip(axes.texts, cells, strict=True):
        pair = [luminance(text.get_color()), luminance(cell[:3])]
        assert (max(pair) + 0.05) / (min(pair) + 0.05) >= 4.5


def test_heatmap_writes_rows_from_the_top():
    """Integers stay integers, and the first row is on top."""
    axes = plot.heatmap([[1, 2], [3, 4]], xticks=["a", "b"])

    written = {text.get_text(): text.get_position() for text in axes.texts}
    assert written["1"] == (0.5, 0.5)
    assert written["3"] == (0.5, 1.5)
    assert axes.yaxis_inverted()
    assert [t.get_text() for t in axes.get_xticklabels()] == ["a", "b"]


def test_heatmap_takes_a_format_and_leaves_holes():
    """A format says how numbers look; NaN is an empty cell."""
    axes = plot.heatmap([[0.25, float("nan")]], annotate=".0%")

    assert [text.get_text() for text in axes.texts] == ["25%"]


def test_contours_mark_the_minimum():
    """Lines lie around the minimum, and the path starts with a ring."""
    path = torch.tensor([[3.0, 4.0], [1.0, 2.0]])

    axes = plot.contours(loss, (-2, 3), (0, 5), path=path)

    lowest = min(
        (p for p in axes.collections[0].get_paths() if len(p.vertices)),
        key=lambda p: np.prod(np.ptp(p.vertices, axis=0)),
    )
    np.testing.assert_allclose(lowest.vertices.mean(0), [1, 2], atol=0.1)
    gaps = np.diff(axes.collections[0].levels)
    assert (np.diff(gaps) > 0).all()
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), path)
    np.testing.assert_array_equal(axes.lines[1].get_xydata(), path[:1])


def test_a_map_shows_several_ways():
    """Each has its colour, marker and name; one alone has no legend."""
    path = torch.tensor([[3.0, 4.0], [1.0, 2.0]])

    axes = plot.contours(
        loss, (-2, 3), (0, 5), path={"slow": path, "fast": path[:1]}
    )
    alone = plot.contours(loss, (-2, 3), (0, 5), path=path)

    slow, ring, fast, other = axes.lines
    np.testing.assert_array_equal(slow.get_xydata(), path)
    np.testing.assert_array_equal(fast.get_xydata(), path[:1])
    assert slow.get_color() == ring.get_color() == plot.COLORS[1]
    assert fast.get_color() == other.get_color()
    assert fast.get_color() not in plot.COLORS[:2]
    assert slow.get_marker() != fast.get_marker()
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["slow", "fast"]
    assert alone.get_legend() is None
    assert alone.lines[0].get_color() == plot.COLORS[1]
    assert (axes.get_xlim(), axes.get_ylim()) == ((-2, 3), (0, 5))


@pytest.mark.parametrize("lost", [1e300, float("inf"), float("nan")])
def test_a_way_that_diverges_is_drawn_as_far_as_it_is_seen(lost):
    """Its last piece points where it went, and the limits stay."""
    steps = [(0.0, 1.0), (2.5, 4.0), (-lost, 1.0), (0.0, 0.0)]

    axes = plot.contours(loss, (-2, 3), (0, 5), path=steps)

    shown = axes.lines[0].get_xydata()
    np.testing.assert_array_equal(shown[:2], steps[:2])
    assert len(shown) == (3 if np.isfinite(lost) else 2)
    if np.isfinite(lost):
        assert -1e5 < shown[2, 0] < -1e3
        assert shown[2, 1] == pytest.approx(4.0)
    assert (axes.get_xlim(), axes.get_ylim()) == ((-2, 3), (0, 5))
    ET.fromstring(svg_of(axes))


def test_a_way_out_and_back_is_drawn_whole():
    """A few widths of the map are not yet divergence."""
    steps = [(0.0, 1.0), (90.0, -90.0), (1.0, 2.0)]

    axes = plot.contours(loss, (-2, 3), (0, 5), path=steps)

    np.testing.assert_array_equal(axes.lines[0].get_xydata(), steps)


def test_a_way_that_begins_far_away_is_not_seen():
    """It is left out, as what cannot be seen."""
    axes = plot.contours(loss, (-2, 3), (0, 5), path=[(1e9, 0), (0, 0)])

    assert not len(axes.lines[0].get_xydata())


def test_a_way_on_a_surface_stays_within_its_plane():
    """Outside there is no surface: a gap, and the axes stay."""
    steps = [(0.0, 1.0), (2.0, 3.0), (2.5, 3.0), (1.0, 9.0), (1.0, 2.0)]

    axes = plot.surface(loss, (0, 2), (1, 3), path={"a": steps}, num=5)

    xs, _, heights = axes.lines[0].get_data_3d()
    np.testing.assert_array_equal(np.isnan(xs), [0, 0, 1, 1, 0])
    assert [heights[i] for i in (0, 1, 4)] == [3.0, 3.0, 0.0]
    assert axes.get_xlim()[1] < 2.2
    assert axes.get_legend() is not None


def test_contours_take_a_function_of_single_numbers():
    """A loss that averages over data works as it is written."""
    x = torch.linspace(-1, 1, 7, requires_grad=True)
    y = 2 * x + 1

    axes = plot.contours(
        lambda w, b: ((w * x + b - y) ** 2).mean(), (0, 4), (0, 2), num=5
    )

    assert len(axes.collections[0].levels) == 8


def test_contours_are_the_same_one_point_at_a_time():
    """A function that cannot be vectorised has the same lines."""

    def stubborn(w, b):
        return loss(float(w), float(b)) if w < 9 else 0.0

    fast = plot.contours(loss, (-2, 3), (0, 5))
    slow = plot.contours(stubborn, (-2, 3), (0, 5))

    for one, two in zip(
        fast.collections[0].get_paths(),
        slow.collections[0].get_paths(),
        strict=True,
    ):
        np.testing.assert_allclose(one.vertices, two.vertices, atol=1e-5)


def test_surface_is_in_space():
    """Heights are those of the function, the path lies on the surface."""
    axes = plot.surface(loss, (0, 2), (1, 3), path=[(0.0, 1.0)], num=5)

    _, _, heights = axes.lines[0].get_data_3d()
    assert list(heights) == [3.0]
    assert axes.name == "3d"


LABELLED = {
    "curves": lambda **labels: plot.curves({"a": [1, 2]}, **labels),
    "bands": lambda **labels: plot.bands({"a": [[1, 2], [3, 4]]}, **labels),
    "functions": lambda **labels: plot.functions(
        {"relu": torch.relu}, -2, 2, **labels
    ),
    "scatter": lambda **labels: plot.scatter([1], [2], **labels),
    "bars": lambda **labels: plot.bars(["a"], [1.0], **labels),
    "histogram": lambda **labels: plot.histogram([1.0, 2.0], **labels),
    "heatmap": lambda **labels: plot.heatmap([[1, 2]], **labels),
    "contours": lambda **labels: plot.contours(
        loss, (-1, 3), (0, 4), num=9, **labels
    ),
    "surface": lambda **labels: plot.surface(
        loss, (-1, 3), (0, 4), num=5, **labels
    ),
}


@pytest.mark.parametrize("name", LABELLED)
def test_every_plot_takes_the_same_labels(name):
    """Words, size and axes; what is not given stays as it was."""
    draw = LABELLED[name]

    axes = draw(xlabel="across", ylabel="up", title="What", size=(3.0, 2.0))
    again = draw(ax=axes, title="Other")

    assert again is axes
    assert tuple(axes.figure.get_size_inches()) == (3.0, 2.0)
    assert axes.get_xlabel() == "across"
    if name != "histogram":  # which says what it counts
        assert axes.get_ylabel() == "up"
    assert axes.get_title() == "Other"


@pytest.mark.parametrize("name", LABELLED)
def test_a_label_that_does_not_exist_is_refused(name):
    """A slip is not swallowed, and opens no figure."""
    import matplotlib.pyplot as plt

    with pytest.raises(TypeError, match="no argument 'xlable'; labels are x"):
        LABELLED[name](xlable="slip")

    assert not plt.get_fignums()


def test_a_histogram_says_what_it_counts():
    """Unless the reader's word stands there."""
    said = [
        plot.histogram([1.0, 2.0], **options).get_ylabel()
        for options in ({}, {"density": True}, {"ylabel": "words"})
    ]

    assert said == ["count", "density", "words"]


def test_numbers_of_numpy_and_truth_values_are_numbers():
    """Bins counted by NumPy; false is 0, and true is 1."""
    axes = plot.histogram(torch.tensor([True, True, False]), bins=np.int64(2))

    data = axes.patches[0].get_data()
    assert data.values.tolist() == [1, 2]
    assert data.edges.tolist() == [0, 0.5, 1]


def test_bars_may_be_called_labels():
    """The name of a series is the reader's."""
    axes = plot.bars(["a"], {"labels": [1], "values": [2]})

    assert [bar.get_height() for bar in axes.patches] == [1, 2]


def test_cards_do_not_pile_up_where_nobody_sees_them():
    """Thirty figures in a script: no warning, and each can be saved."""
    import matplotlib.pyplot as plt

    other = plt.figure()
    cards = [plot.curves({"a": [i, 1]}).figure for i in range(30)]

    known = [plt.figure(number) for number in plt.get_fignums()]
    assert known == [other, *cards[-10:]]
    assert plt.gcf() is cards[-1]
    assert _svg.svg(cards[0]) == svg_of(plot.curves({"a": [0, 1]}))


def lacking():
    """Return a character that STIX has and DejaVu Sans has not."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    have, want = (
        set(get_font(findfont(FontProperties(family=name))).get_charmap())
        for name in ("DejaVu Sans", "STIXGeneral")
    )
    return chr(min(want - have))


def test_the_fonts_of_the_reader_write_what_ours_lacks():
    """They come after DejaVu Sans, and no character is missing."""
    title = lacking()

    with mpl.rc_context({"font.sans-serif": ["Nowhere", "STIXGeneral"]}):
        (axes,) = plot.images(torch.rand(1, 8, 8), titles=[title])
        with_font = _png.png(axes.figure)
        svg = svg_of(plot.curves({"a": [1, 2]}, title=title))
    (axes,) = plot.images(torch.rand(1, 8, 8), titles=[title])
    with pytest.warns(UserWarning, match="writes 1 of the characters"):
        without = _png.png(axes.figure)

    assert with_font != without
    assert "'DejaVu Sans','STIXGeneral'" in svg
    assert title in texts_of(svg)


def test_what_no_font_writes_is_said_once():
    """One warning for a picture, and none for text that a browser draws."""
    title = lacking() + chr(0x4E2D)
    (axes,) = plot.images(torch.rand(1, 8, 8), titles=[title])

    with pytest.warns(UserWarning, match="no font") as caught:
        _png.png(axes.figure)
    svg = svg_of(plot.curves({title: [1, 2], "b": [1, 2]}))

    (one,) = caught
    assert "writes 2 of the characters" in str(one.message)
    assert title in texts_of(svg)


def test_threads_draw_without_disturbing_each_other():
    """Settings of the process stay, and every figure is as it would be."""
    from concurrent.futures import ThreadPoolExecutor

    expected = svg_of(two_curves())
    before = dict(mpl.rcParams)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: svg_of(two_curves()), range(8)))

    assert set(found) == {expected}
    assert dict(mpl.rcParams) == before


def test_figure_gives_axes_in_a_grid():
    """One axes alone, else an array of them."""
    assert isinstance(plot.figure(), mpl.axes.Axes)
    assert plot.figure(2, 3).shape == (2, 3)
    assert plot.figure(1, 2, sharey=True).shape == (2,)


@pytest.mark.parametrize(
    ("draw", "size"),
    [
        (lambda: plot.figure(), (4.5, 3.0)),
        (lambda: plot.figure(2), (4.5, 6.0)),
        (lambda: plot.figure(1, 2), (6.8, 2.5)),
        (lambda: plot.figure(3, 4), (7.2, 7.5)),
        (lambda: plot.figure(size=(2.0, 1.0)), (2.0, 1.0)),
        (lambda: plot.heatmap([[1]]), (2.4, 1.4)),
        (lambda: plot.heatmap(torch.rand(10, 10)), (5.9, 5.7)),
        (lambda: plot.heatmap(torch.rand(30, 40)), (6.3, 4.75)),
        (
            lambda: plot.images(torch.rand(3, 1, 8, 8), num_cols=2),
            (2.36, 2.36),
        ),
        (
            lambda: plot.images(
                torch.rand(10, 8, 16), titles=range(10), size=0.5
            ),
            (4.64, 1.3),
        ),
        (lambda: plot.contours(loss, (0, 1), (0, 1), num=5), (4.5, 3.5)),
        (lambda: plot.surface(loss, (0, 1), (0, 1), num=5), (4.5, 3.8)),
        (
            lambda: plot.boxes(torch.rand(4, 8), torch.empty(0, 4)),
            (3.58, 1.83),
        ),
    ],
)
def test_a_card_has_the_size_that_its_contents_need(draw, size):
    """In inches; a page of the site is 7.2 wide."""
    (first, *_) = np.ravel(draw())

    assert first.figure.get_size_inches() == pytest.approx(size)


def test_a_line_looks_as_all_lines_do():
    """Widths and sizes in points, colours and type."""
    axes = plot.curves({"a": [1, 2], "b": [2, 1]}, title="T", markers=True)

    line, legend = axes.lines[0], axes.get_legend()
    assert (line.get_linewidth(), line.get_markersize()) == (1.6, 5)
    assert line.get_markeredgewidth() == 0
    assert axes.title.get_size() == 11
    assert axes.xaxis.label.get_size() == 10
    assert axes.get_xticklabels()[0].get_size() == 9
    assert axes.get_yticklabels()[0].get_size() == 9
    assert legend.get_texts()[0].get_size() == 9
    assert legend.get_frame().get_alpha() == 0.9
    assert axes.get_xgridlines()[0].get_linewidth() == 0.6
    assert axes.spines["left"].get_linewidth() == 0.8
    shown = {name: spine.get_visible() for name, spine in axes.spines.items()}
    assert shown == {
        "left": True,
        "bottom": True,
        "top": False,
        "right": False,
    }
    assert axes.get_axisbelow() is True


def test_marks_look_as_all_marks_do():
    """Dots, outlines, bands, bars, boxes and ways."""
    dots = plot.scatter([1], [1]).lines[0]
    alone = plot.histogram([1.0, 2.0]).patches[0]
    outline = plot.histogram({"a": [1.0], "b": [2.0]}).patches[0]
    bar = plot.bars(["a"], {"u": [1], "v": [2]}).patches[0]
    band = plot.bands({"a": torch.rand(2, 3)}).collections[0]
    box = plot.boxes(torch.rand(8, 8), [[1, 1, 4, 4]])
    map_ = plot.contours(loss, (-1, 3), (0, 4), path=[(0, 0), (1, 1)])
    space = plot.surface(loss, (-1, 3), (0, 4), path=[(0, 0), (1, 1)])
    numbers = plot.heatmap(torch.rand(2, 9)).texts[0]
    few = plot.heatmap(torch.rand(2, 8)).texts[0]

    assert (dots.get_markersize(), dots.get_markeredgewidth()) == (4, 0)
    assert (alone.get_fill(), outline.get_fill()) == (True, False)
    assert outline.get_linewidth() == 1.6
    assert (bar.get_x(), bar.get_width()) == (-0.4, 0.4)
    assert mpl.colors.to_hex(bar.get_edgecolor()) == "#ffffff"
    assert (band.get_alpha(), band.get_linewidth().item()) == (0.2, 0)
    assert box.patches[0].get_linewidth() == 1.6
    assert box.texts[0].get_size() == 8
    assert box.texts[0].get_color() == "#ffffff"
    assert [line.get_markersize() for line in map_.lines] == [4, 8]
    assert map_.lines[1].get_markerfacecolor() == "none"
    ways = [map_.lines[0], space.lines[0]]
    assert [way.get_markeredgewidth() for way in ways] == [0, 0]
    assert [way.get_color() for way in ways] == [plot.COLORS[1]] * 2
    assert [way.get_linestyle() for way in ways] == ["-", "-"]
    assert set(map_.collections[0].get_linewidth()) == {0.9}
    assert {text.get_size() for text in map_.texts} == {8}
    assert (space.lines[0].get_markersize(), space.lines[0].zorder) == (
        3.5,
        10,
    )
    assert (space.elev, space.azim) == (30, -60)
    assert set(space.collections[0].get_linewidth()) == {0.25}
    assert (numbers.get_size(), few.get_size()) == (8, 9)


def test_a_large_matrix_has_few_names_and_no_numbers():
    """At most twenty ticks per axis, a colour bar, and a picture of cells."""
    most = plot.heatmap(torch.rand(20, 20))
    more = plot.heatmap(torch.rand(21, 41))
    bare = plot.heatmap(torch.rand(2, 2), annotate=False)
    told = plot.heatmap(torch.rand(21, 41), annotate=".0f")

    assert len(most.texts) == 400
    assert not most.collections[0].get_rasterized()
    assert len(most.get_xticks()) == 20
    assert len(most.figure.axes) == 1
    assert more.get_xticks().tolist() == [i + 0.5 for i in range(0, 41, 3)]
    assert [t.get_text() for t in more.get_yticklabels()][:2] == ["0", "2"]
    assert more.collections[0].get_rasterized()
    assert [len(axes.texts) for axes in (more, bare, told)] == [0, 0, 861]
    assert [len(a.figure.axes) for a in (more, bare, told)] == [2, 2, 1]


def test_long_names_of_columns_are_turned():
    """More than four letters do not fit above each other's neighbours."""
    short = plot.heatmap([[1, 2]], xticks=["abcd", "b"])
    long = plot.heatmap([[1, 2]], xticks=["abcde", "b"])

    turned = [a.get_xticklabels()[0].get_rotation() for a in (short, long)]
    assert turned == [0, 45]
    assert long.get_xticklabels()[0].get_horizontalalignment() == "right"


@pytest.mark.parametrize(
    ("options", "limits"),
    [
        ({}, (-1, 3)),
        ({"diverging": True}, (-3, 3)),
        ({"limits": (0, 1)}, (0, 1)),
    ],
)
def test_colours_run_between_limits(options, limits):
    """From lowest to highest, around 0, or as asked; infinity is no number."""
    axes = plot.heatmap([[-1.0, 3.0], [float("inf"), 0.0]], **options)

    assert axes.collections[0].get_clim() == limits


def test_a_matrix_of_one_number_has_colours_too():
    """One above it is the darkest; no number at all is pale."""
    same = plot.heatmap([[2.0, 2.0]]).collections[0]
    zero = plot.heatmap([[0.0]], diverging=True).collections[0]
    none = plot.heatmap([[float("nan")]]).collections[0]

    assert same.get_clim() == (2, 3)
    assert zero.get_clim() == (-1, 1)
    assert none.get_clim() == (0, 1)


def test_levels_are_as_many_as_asked_or_those_given():
    """Given ones are sorted, whatever their order."""
    few = plot.contours(loss, (-1, 3), (0, 4), levels=3)
    given = plot.contours(loss, (-1, 3), (0, 4), levels=[4, 1, 2])

    assert len(few.collections[0].levels) == 3
    assert given.collections[0].levels.tolist() == [1, 2, 4]


def test_the_grid_reaches_both_ends():
    """A slope's highest and lowest points are corners of the map."""
    seen = []

    def slope(x, y):
        seen.append((float(x), float(y)))
        return x + y

    axes = plot.surface(slope, (0, 1), (2, 4), num=3, zlabel="height")

    assert len(set(seen)) == 9
    assert {(0.0, 2.0), (1.0, 4.0), (0.5, 3.0), (1.0, 2.0)} <= set(seen)
    assert axes.get_zlabel() == "height"


def test_many_dots_are_a_picture():
    """Above two thousand, an SVG of dots would be larger."""
    few, many = (
        plot.scatter(range(num), range(num)).lines[0] for num in (2000, 2001)
    )

    assert not few.get_rasterized()
    assert many.get_rasterized()


def test_a_series_is_thinned_only_where_it_is_long():
    """Up to 1,200 points all are drawn."""
    lengths = [
        len(plot.curves({"a": torch.rand(num)}).lines[0].get_xdata())
        for num in (1200, 1201)
    ]

    assert lengths[0] == 1200
    assert lengths[1] < 700


def test_labels_name_points_without_groups():
    """And two calls share one legend."""
    axes = plot.scatter([1], [2], label="ours", dot=7.0)
    plot.scatter([1], [2], label="theirs", ax=axes)
    bare = plot.scatter([1], [2])

    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["ours", "theirs"]
    assert axes.lines[0].get_markersize() == 7
    assert bare.get_legend() is None


def test_bars_end_where_they_are_told_to():
    """The limits are those of the axis along the bars."""
    up = plot.bars(["a"], [1], ylim=(0, 7))
    across = plot.bars(["a"], [1], ylim=(0, 7), horizontal=True)

    assert up.get_ylim() == across.get_xlim() == (0, 7)
    assert up.get_legend() is None
    assert [t.get_text() for t in up.get_xticklabels()] == ["a"]
    assert [t.get_text() for t in across.get_yticklabels()] == ["a"]


REFUSALS = [
    (lambda: plot.curves({}), ValueError, "no series"),
    (lambda: plot.curves([1, 2]), TypeError, "mapping.*received list"),
    (lambda: plot.curves({"loss": []}), ValueError, "'loss' is empty"),
    (
        lambda: plot.curves({"loss": ([1, 2], [1, 2, 3])}),
        ValueError,
        "xs of 'loss' has 2, ys of 'loss' has 3",
    ),
    (lambda: plot.curves({"a": ["x"]}), TypeError, "'a' must be real"),
    (
        lambda: plot.curves({"a": torch.ones(2, 3)}),
        ValueError,
        r"'a' must be a series.*\(2, 3\)",
    ),
    (lambda: plot.curves({"a": [1]}, log="z"), ValueError, "received 'z'"),
    (
        lambda: plot.curves({"a": [0, -1]}, log="y"),
        ValueError,
        "'a' has no positive y",
    ),
    (lambda: plot.curves({"a": [1]}, ax=3), TypeError, "received int"),
    (
        lambda: plot.functions({"sum": torch.sum}, 0, 1),
        ValueError,
        r"'sum'.*\(201,\); received Tensor of shape \(\)",
    ),
    (
        lambda: plot.functions({"f": torch.relu}, 1, 1),
        ValueError,
        "low < high",
    ),
    (
        lambda: plot.scatter([1, 2], [1]),
        ValueError,
        "x has 2, y has 1",
    ),
    (
        lambda: plot.scatter([1, 2], [1, 2], groups=[0]),
        ValueError,
        "points has 2, groups has 1",
    ),
    (
        lambda: plot.bars(["a"], {"ours": [1, 2]}),
        ValueError,
        "1 labels, and 'ours' has 2",
    ),
    (
        lambda: plot.histogram([float("nan")]),
        ValueError,
        "no finite value",
    ),
    (
        lambda: plot.images(torch.ones(2, 4, 8, 8)),
        ValueError,
        r"\(n, 3, h, w\); received \(2, 4, 8, 8\)",
    ),
    (lambda: plot.images(torch.ones(5)), ValueError, r"received \(5,\)"),
    (lambda: plot.images(torch.ones(0, 8, 8)), ValueError, "no image"),
    (
        lambda: plot.images(torch.ones(2, 8, 8), titles=["a"]),
        ValueError,
        "1 titles for 2 images",
    ),
    (
        lambda: plot.images([torch.ones(2, 2), torch.ones(3, 3)]),
        ValueError,
        "one shape throughout",
    ),
    (lambda: plot.heatmap([1, 2]), ValueError, r"received \(2,\)"),
    (
        lambda: plot.heatmap([[1, 2]], xticks=["a"]),
        ValueError,
        "xticks has 1 names for 2 columns",
    ),
    (
        lambda: plot.contours(lambda w, b: torch.ones(3), (0, 1), (0, 1)),
        ValueError,
        r"one number.*\(3,\)",
    ),
    (
        lambda: plot.contours(lambda w, b: None, (0, 1), (0, 1)),
        TypeError,
        "values of f must be real numbers; received NoneType",
    ),
    (
        lambda: plot.contours(lambda w, b: 1.0, (0, 1), (0, 1)),
        ValueError,
        "one value on the whole grid",
    ),
    (
        lambda: plot.contours(loss, (0, 1), (0, 1), path=[1, 2]),
        ValueError,
        r"received shape \(2,\)",
    ),
    (
        lambda: plot.surface(loss, (0, 1), (0, 1), ax=plot.figure()),
        ValueError,
        "3-D axes",
    ),
    (lambda: plot.figure(0), ValueError, "received 0 x 1"),
    (lambda: plot.figure(1, 0), ValueError, "received 1 x 0"),
    (
        lambda: plot.functions({"f": torch.relu}, 0, float("inf")),
        ValueError,
        "both finite",
    ),
    (
        lambda: plot.functions({"f": torch.relu}, 0, 1, num=1),
        ValueError,
        "at least 2; received 1",
    ),
    (
        lambda: plot.contours(loss, (0, 1), (0, 1), num=1),
        ValueError,
        "at least 2; received 1",
    ),
    (
        lambda: plot.heatmap(torch.ones(0, 3)),
        ValueError,
        r"received \(0, 3\)",
    ),
    (
        lambda: plot.heatmap([[1, 2]], yticks="ab"),
        ValueError,
        "yticks has 2 names for 1 rows",
    ),
    (lambda: plot.bars([], {}), ValueError, "no series of bars"),
    (lambda: plot.histogram({}), ValueError, "no series of values"),
    (
        lambda: plot.images(torch.ones(2, 8, 8), ax=plot.figure()),
        ValueError,
        "ax holds one image; received 2",
    ),
    (
        lambda: plot.images(torch.ones(8, 8), ax=3),
        TypeError,
        "received int",
    ),
    (
        lambda: plot.curves({"a": [-1, 1], "b": [0, 0]}, log="y"),
        ValueError,
        "'b' has no positive y",
    ),
    (
        lambda: plot.curves({"a": ([-1, 0], [1, 1])}, log="x"),
        ValueError,
        "'a' has no positive x",
    ),
    (
        lambda: plot.curves({"a": torch.tensor([1j])}),
        TypeError,
        "'a' must be real numbers; received torch.complex64",
    ),
    (
        lambda: plot.curves({"a": np.array([1j])}),
        TypeError,
        "received an array of complex128",
    ),
    (
        lambda: plot.images(torch.ones(3, 8, 9)),
        ValueError,
        r"\(3, 8, 9\) are one picture in colour or three.*images\[None\]",
    ),
    (
        lambda: plot.images(torch.ones(3, 8, 9), num_cols=1),
        ValueError,
        "or three grey ones",
    ),
    (
        lambda: plot.images(torch.ones(8, 9, 3)),
        ValueError,
        r"colours last: write images.permute\(2, 0, 1\)\[None\]",
    ),
    (
        lambda: plot.images(torch.ones(2, 8, 9, 3)),
        ValueError,
        r"\(2, 8, 9, 3\); permute\(0, 3, 1, 2\) puts the colours first",
    ),
    (
        lambda: plot.boxes(torch.ones(8, 9), [[1, 2, 3]]),
        ValueError,
        r"\(box, 4\); received shape \(1, 3\)",
    ),
    (
        lambda: plot.boxes(torch.ones(8, 9), [[1, 2, 3, 3], [3, 2, 1, 4]]),
        ValueError,
        r"received \[3.0, 2.0, 1.0, 4.0\]",
    ),
    (
        lambda: plot.boxes(torch.ones(8, 9), [[1, 2, 3, 4]], labels="ab"),
        ValueError,
        "2 labels for 1 boxes",
    ),
    (
        lambda: plot.boxes(torch.ones(8, 9), [[1, 2, 3, 4]], scores=[]),
        ValueError,
        "0 scores for 1 boxes",
    ),
    (lambda: plot.bands([[1, 2]]), TypeError, "bands takes a mapping"),
    (
        lambda: plot.bands({"a": [[1, 2]]}),
        ValueError,
        r"'a' must have shape \(seed, step\).*two seeds; received .*\(1, 2\)",
    ),
    (
        lambda: plot.bands({"a": [1, 2]}),
        ValueError,
        r"received shape \(2,\)",
    ),
    (
        lambda: plot.bands({"a": ([1], torch.ones(2, 3))}),
        ValueError,
        "xs of 'a' has 1, steps of 'a' has 3",
    ),
    (
        lambda: plot.bands({"a": torch.full((2, 3), torch.nan)}),
        ValueError,
        "'a' is finite at no step",
    ),
    (
        lambda: plot.bands({"a": torch.ones(2, 3)}, interval=95),
        ValueError,
        "received 95",
    ),
    (
        lambda: plot.bands({"a": torch.ones(2, 3)}, interval=0.0),
        ValueError,
        "received 0.0",
    ),
    (
        lambda: plot.bands({"a": -torch.ones(2, 3)}, log="y"),
        ValueError,
        "'a' has no positive y",
    ),
    (
        lambda: plot.contours(loss, (0, 1), (0, 1), path={"a": [[1]]}),
        ValueError,
        r"path 'a' must be points .* received shape \(1, 1\)",
    ),
    (
        lambda: plot.contours(
            loss, (0, 1), (0, 1), path=[(float("nan"), 1), (0, 0)]
        ),
        ValueError,
        "path must begin at a finite point",
    ),
]


@pytest.mark.parametrize(("call", "error", "match"), REFUSALS)
def test_refusals_say_what_is_wrong(call, error, match):
    """The message names what was received and what is expected."""
    with pytest.raises(error, match=match):
        call()


def test_a_refusal_opens_no_figure():
    """Wrong arguments leave no empty card behind in a notebook."""
    import matplotlib.pyplot as plt

    with pytest.raises(ValueError, match="empty"):
        plot.curves({"a": []})

    assert not plt.get_fignums()


def test_global_settings_stay_as_they_are():
    """Other figures of a notebook look as they would without the package."""
    with mpl.rc_context():
        mpl.rcdefaults()
        before = dict(mpl.rcParams)

        for draw in FIGURES.values():
            svg_of(draw())

        assert dict(mpl.rcParams) == before


def test_global_settings_do_not_reach_a_card():
    """A notebook's own style changes no figure of the package."""
    expected = svg_of(two_curves())

    others: Any = {
        "figure.constrained_layout.h_pad": 0.5,
        "font.size": 30,
        "savefig.bbox": "tight",
        "savefig.facecolor": "red",
        "svg.fonttype": "path",
    }
    with mpl.rc_context(others):
        found = svg_of(two_curves())

    assert found == expected


def test_global_settings_do_not_reach_a_window():
    """Ticks made while a card is drawn on a screen have its style too."""

    def shown(settings: Any):
        canvas = two_curves().figure.canvas
        with mpl.rc_context(settings):
            canvas.draw()
        return bytes(canvas.buffer_rgba())

    assert shown({"xtick.labelsize": 30}) == shown({})


def test_arguments_stay_as_they_are():
    """Drawing changes no tensor that it is given."""
    pixels, path = torch.rand(2, 3, 4, 4), torch.rand(3, 2)
    before = pixels.clone(), path.clone()

    plot.images(pixels)
    plot.heatmap(pixels[0, 0])
    plot.contours(loss, (-1, 3), (0, 4), path=path)

    assert torch.equal(pixels, before[0])
    assert torch.equal(path, before[1])


def test_importing_needs_neither_display_nor_notebook():
    """Not even pyplot is imported before there is something to draw."""
    code = (
        "import sys; from d2l import plot; "
        "print(*{'matplotlib.pyplot', 'IPython', 'ipywidgets', 'PIL.Image'}"
        " & set(sys.modules))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )

    assert set(done.stdout.split()) <= {"PIL.Image"}


@pytest.fixture(scope="module")
def outputs():
    """Outputs of a notebook's cells, run by a real kernel."""
    import nbformat
    from nbclient import NotebookClient

    cells = [
        "import torch, d2l, matplotlib.pyplot as plt",
        "axes = d2l.plot.curves({'a': [1, 2]})\naxes.set_title('Edited')\n1",
        "axes = d2l.plot.images(torch.rand(2, 8, 8))",
        "_ = plt.plot([1, 2])",
        "%config InlineBackend.figure_formats = ['png', 'svg']\n"
        "%matplotlib inline\n"
        "axes = d2l.plot.heatmap([[1, 2]])",
        "axes = d2l.plot.figure(1, 2)\n"
        "d2l.plot.images(torch.rand(1, 8, 8), ax=axes[0])\n"
        "_ = axes[1].plot([1, 2])",
    ]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the client, not of the kernel
        NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return [
        [out for out in cell.outputs if out.output_type == "display_data"]
        for cell in notebook.cells
    ]


@pytest.mark.parametrize(
    ("cell", "formats"),
    [
        (1, {"image/svg+xml"}),
        (2, {"image/png"}),
        (3, {"image/png"}),
        (4, {"image/svg+xml"}),
        (5, {"image/png"}),
    ],
    ids=["line art", "images", "other figure", "other settings", "mixed"],
)
def test_a_cell_shows_one_figure_in_one_format(outputs, cell, formats):
    """SVG for line art and PNG for images, whatever the notebook asks for."""
    (shown,) = outputs[cell]

    assert set(shown.data) - {"text/plain"} == formats


def test_a_figure_shows_edits_made_in_its_cell(outputs):
    """It is drawn when the cell ends."""
    assert "Edited" in texts_of(outputs[1][0].data["image/svg+xml"])


def test_a_png_says_its_size(outputs):
    """It has twice the pixels that it takes on the page."""
    (shown,) = outputs[2]

    data = base64.b64decode(shown.data["image/png"])
    width, _ = Image.open(io.BytesIO(data)).size
    assert width == pytest.approx(
        2 * shown.metadata["image/png"]["width"], abs=2
    )
