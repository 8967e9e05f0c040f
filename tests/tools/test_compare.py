"""Comparing outputs: what is the same, and what is not."""

import base64
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_output
from PIL import Image

import d2l
from tools.nbcheck import compare, markup, picture
from tools.nbcheck.tokens import Tolerance, text

DEFAULT = Tolerance()


@pytest.mark.parametrize(
    ("stored", "fresh"),
    [
        ("0.3", "0.3000001"),
        ("loss 0.51230", "loss 0.51229"),
        ("tensor([ 0.1000, 2.])", "tensor([0.1000, 2.])"),
        ("tensor([0.0000, 2.])", "tensor([-0.0000,  2.])"),
        ("3.1e-24", "3.1004e-24"),
        ("1.5e3 s", "1500.4 s"),
        ("nan inf -inf", "nan inf -inf"),
        ("1", "0.9999995"),
        ("\u22120.5", "-0.5"),
        ("0.35x faster", "0.3501x faster"),
    ],
)
def test_close_numbers_are_the_same(stored, fresh):
    """A number may move by a thousandth, and blanks beside it too."""
    assert text(stored, fresh) == ""
    assert text(fresh, stored) == ""


@pytest.mark.parametrize(
    ("stored", "fresh"),
    [
        ("0.3", "0.31"),
        ("0.3", "-0.3"),
        ("gradient 3.1e-24", "gradient 4e-07"),
        ("1e-7", "9e-7"),
        ("1e-9", "-3e-9"),
        ("1.5e-07", "1.6e-07"),
        ("0.0000001", "0.0000009"),
        ("0.0012", "0.0013"),
        ("7", "8"),
        ("100000", "100001"),
        ("1", "1.0"),
        ("torch 2.14.1", "torch 2.14.2"),
        ("torch 2.14.1", "torch 2.141.1"),
        ("1e999", "5.0"),
        ("torch.float32", "torch.float64"),
        ("conv2d", "conv3d"),
        ("nan", "0.1"),
        ("inf", "-inf"),
        ("a cat", "a dog"),
        ("two  words", "two words"),
        ("a cat", "A cat"),
        ("1.5 2.5", "1.5"),
        ("1.5", "1.5 2.5"),
        ("1.5, 2.5", "1.5; 2.5"),
        ("#0e1234", "#0e5678"),
        ("one\ntwo", "one"),
        ("0x7f1200", "0x7f3400"),
        ("a\n", "a"),
    ],
)
def test_everything_else_is_a_difference(stored, fresh):
    """Words, whole numbers, versions, names and lines are exact."""
    assert text(stored, fresh) != ""
    assert text(fresh, stored) != ""


@given(st.floats(1e-3, 1e6), st.floats(-1.0, 1.0))
def test_the_tolerance_is_relative(number, share):
    """Half a tolerance away is the same, three away is not."""
    near = f"{number * (1 + 0.5e-3 * share)!r}"
    far = f"{number * (1 + 3.1e-3)!r}"

    assert text(repr(number), near) == ""
    assert text(repr(number), far) != ""


@given(st.text())
def test_a_text_is_the_same_as_itself(anything):
    """No text differs from itself."""
    assert text(anything, anything) == ""


def test_a_difference_names_the_line_and_both_sides():
    """The message shows what to look for."""
    found = text("a\nb 0.3\nc", "a\nb 0.4\nc")

    assert found == "line 2: stored 'b 0.3', now 'b 0.4'"


def claim_line(capsys, value):
    """Return the line that a claim really prints."""
    d2l.check.claim(
        "accuracy", value, (0.8, None), reported=0.82, why="other seed"
    )
    return capsys.readouterr().out


def test_the_value_of_a_claim_has_more_room(capsys):
    """All of its bound for the value, and nothing for the bound."""
    stored, fresh = claim_line(capsys, 0.84), claim_line(capsys, 0.85)

    assert text(stored, fresh, claims=["accuracy"]) == ""
    assert text(stored, fresh) != ""
    assert text(stored, fresh, claims=["loss"]) != ""
    far = fresh.replace("= 0.85 ", "= 0.79 ")
    assert text(stored, far, claims=["accuracy"]) != ""
    bound = fresh.replace("at least 0.8", "at least 0.801")
    assert text(stored, bound, claims=["accuracy"]) != ""
    bare = stored.removeprefix("claim: accuracy = ")
    assert text(bare, fresh, claims=["accuracy"]) != ""
    about = fresh.replace("accuracy", "precision")
    assert text(stored, about, claims=["accuracy", "precision"]) != ""


@pytest.mark.parametrize(
    ("bound", "low", "high"),
    [
        ((None, 0.03), -1.0, 0.0301),
        ((-0.01, None), -0.0101, 1.0),
        ((-0.01, 0.02), -0.0101, 0.0201),
        ((2e-06, 2.0), 1e-06, 2.1),
    ],
)
def test_a_claim_may_move_within_its_bound(capsys, bound, low, high):
    """What is claimed is the bound; a value beyond it is another claim."""
    d2l.check.claim("gap", 0.01, bound)
    stored = capsys.readouterr().out

    def differs(value):
        fresh = stored.replace("= 0.01 ", f"= {value} ")
        return text(stored, fresh, claims=["gap"]) != ""

    edges = [
        -9.0 if bound[0] is None else bound[0],
        9.0 if bound[1] is None else bound[1],
    ]
    assert [differs(value) for value in edges] == [False, False]
    outside = [
        high if bound[0] is None else low,
        low if bound[1] is None else high,
    ]
    assert [differs(value) for value in outside] == [True, True]


SVG = (
    '<svg width="200" height="100" viewBox="0 0 200 100"><defs>'
    '<path id="ab12" d="M0 0L5.5-3.5"/></defs>'
    '<g transform="translate(10 20) scale(0.1)"><use href="#ab12" x="3"/></g>'
    '<path d="M10 20L100 50" stroke="#1f77b4" clip-path="url(#ab12)"/>'
    "<text>loss 0.25</text></svg>"
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ab12", "cd34"),
        ("L100 50", "L100.01 50"),
        ("translate(10 20)", "translate(10.01 20)"),
        ("loss 0.25", "loss 0.2500001"),
        ("#1f77b4", "#1f78b4"),
        ('x="3"', 'x="3.01"'),
        ("<defs>", "<metadata><date>now</date></metadata><defs>"),
        ("<defs>", "\n  <defs>"),
    ],
)
def test_a_figure_may_change_what_nobody_sees(old, new):
    """Names, dates, thousandths of the size and shades are no difference."""
    assert old in SVG
    assert markup.difference(SVG, SVG.replace(old, new), DEFAULT) == ""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("L100 50", "L100 55"),
        ("L100 50", "L100 50L110 60"),
        ("L100 50", "C100 50"),
        ("translate(10 20)", "translate(11 20)"),
        ("scale(0.1)", "scale(0.2)"),
        ("loss", "cost"),
        ("loss 0.25", "loss 0.26"),
        ("#1f77b4", "#ff77b4"),
        ('href="#ab12"', 'href="#other"'),
        (' x="3"', ""),
        ('x="3"', 'x="6"'),
        ("<text>", "<desc>"),
        ("<text>loss 0.25</text>", ""),
        ("</svg>", "<path/></svg>"),
        ('viewBox="0 0 200 100"', 'viewBox="0 0 300 100"'),
    ],
)
def test_a_figure_that_shows_something_else_differs(old, new):
    """Shape, place, words, colour and structure are compared."""
    assert old in SVG
    assert markup.difference(SVG, SVG.replace(old, new), DEFAULT) != ""


def test_the_view_box_gives_the_size_of_a_figure():
    """Half a unit is invisible among a thousand, and wide among ten."""
    near = '<svg viewBox="0 0 1000 1000"><rect x="1"/></svg>'
    far = near.replace("1000", "10")

    for svg, same in ((near, True), (far, False)):
        moved = svg.replace('x="1"', 'x="1.5"')
        assert (markup.difference(svg, moved, DEFAULT) == "") is same


def test_references_are_compared_by_what_they_name():
    """Two names that change places point elsewhere."""
    a = '<svg><g id="a"/><g id="b"/><use href="#a"/></svg>'

    same = a.replace('"a"', '"x"').replace("#a", "#x")
    assert markup.difference(a, same, DEFAULT) == ""
    other = a.replace("#a", "#b")
    assert markup.difference(a, other, DEFAULT) != ""


def test_a_name_is_renamed_where_it_is_used_and_nowhere_else():
    """A name may be that of an attribute, or a word that a reader sees."""
    a = '<svg><g id="x"/><rect x="3" href="#x"/><text>x</text></svg>'
    b = '<svg><g id="y"/><rect x="3" href="#y"/><text>x</text></svg>'

    assert markup.difference(a, b, DEFAULT) == ""
    assert markup.difference(a, b.replace(">x<", ">y<"), DEFAULT) != ""


def test_a_table_is_compared_by_its_numbers():
    """Cells of a table are text with numbers."""
    table = "<table id='t1'><tr><th>cat</th><td>0.25</td></tr></table>"

    near = table.replace("0.25", "0.2500001").replace("t1", "t2")
    assert markup.difference(table, near, DEFAULT) == ""
    for old, new in (("0.25", "0.26"), ("cat", "dog"), ("td", "th")):
        assert markup.difference(table, table.replace(old, new), DEFAULT)


def encode(pixels, kind="PNG", **options):
    """Return an array as a notebook stores a picture."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return base64.b64encode(file.getvalue()).decode()


@pytest.fixture
def photo():
    """Return a picture of 100 x 120 pixels."""
    return np.random.default_rng(0).integers(20, 230, (100, 120), np.uint8)


def test_the_bytes_of_a_picture_do_not_count(photo):
    """Another compression and two levels of grey are the same picture."""
    stored = encode(photo, compress_level=1)

    assert picture.difference(stored, encode(photo, compress_level=9)) == ""
    faint = photo.copy()
    faint[::2] += 1
    assert picture.difference(stored, encode(faint)) == ""


def test_another_picture_differs(photo):
    """A few strong pixels, a shade over all, or a row more are noticed."""
    stored = encode(photo)

    dot = photo.copy()
    dot[10:12, 10:12] = 255
    assert "4 of 12000 pixels differ" in picture.difference(
        stored, encode(dot)
    )
    shade = photo + np.uint8(5)
    assert "levels on average" in picture.difference(stored, encode(shade))
    tall = np.vstack([photo, photo[:1]])
    assert "now 120 x 101" in picture.difference(stored, encode(tall))


@pytest.mark.parametrize("stored", ["garbage!", "Z2FyYmFnZQ==", ""])
def test_garbage_is_no_picture(photo, stored):
    """What cannot be decoded is said to be so."""
    assert "cannot be decoded" in picture.difference(stored, encode(photo))


def test_a_picture_inside_markup_is_decoded(photo):
    """An embedded picture is compared by its pixels."""

    def page(pixels, **options):
        uri = f"data:image/png;base64,{encode(pixels, **options)}"
        return f'<svg width="9"><image href="{uri}"/></svg>'

    stored = page(photo, compress_level=1)
    same = page(photo, compress_level=9)
    assert markup.difference(stored, same, DEFAULT) == ""
    assert "pixels differ" in markup.difference(
        stored, page(photo[::-1]), DEFAULT
    )


def shown(**data):
    """Return an output that shows something."""
    return new_output(
        "display_data", {k.replace("_", "/"): v for k, v in data.items()}
    )


def stream(content, name="stdout"):
    """Return printed text."""
    return new_output("stream", name=name, text=content)


def test_outputs_agree_in_number_order_and_type():
    """What is missing, extra, or of another type is said by type."""
    a, b = stream("a"), shown(text_plain="b")

    assert compare.outputs([a, b], [a, b]) == []
    assert compare.outputs([a], [a, b]) == [
        "stored outputs: stdout; now: stdout, display_data text/plain"
    ]
    assert compare.outputs([a, b], [b, a])
    assert compare.outputs([a], [stream("a", "stderr")])
    assert compare.outputs([b], [shown(text_plain="b", text_html="b")])
    assert compare.outputs([], [a])


def test_every_kind_of_content_is_compared(photo):
    """Each type of content has its own idea of the same."""
    png = encode(photo)
    kinds = {
        "text_plain": ("0.3 cats", "0.4 cats"),
        "text_html": ("<b>0.3</b>", "<i>0.3</i>"),
        "text_latex": ("$x$", "$y$"),
        "image_svg+xml": (SVG, SVG.replace("loss", "cost")),
        "image_png": (png, encode(photo.T)),
        "application_json": ({"a": [1, 0.3]}, {"a": [1, 0.4]}),
    }

    for kind, (stored, other) in kinds.items():
        old, new = shown(**{kind: stored}), shown(**{kind: other})
        assert compare.outputs([old], [old]) == []
        (found,) = compare.outputs([old], [new])
        assert found.startswith("output 1 (display_data ")


def test_an_error_is_its_type_and_message():
    """The traceback is not compared; what was raised is."""
    old, new = (
        new_output("error", ename=name, evalue="no", traceback=[name, "x"])
        for name in ("ValueError", "TypeError")
    )
    elsewhere = new_output(
        "error", ename="ValueError", evalue="no", traceback=["other"]
    )

    assert compare.outputs([old], [elsewhere]) == []
    assert compare.outputs([old], [new])


def test_a_cell_may_have_a_wider_tolerance():
    """The tolerance of the cell reaches its numbers."""
    old, new = stream("loss 0.30"), stream("loss 0.31")

    assert compare.outputs([old], [new], rtol=0.05) == []
    assert compare.outputs([old], [new]) != []
