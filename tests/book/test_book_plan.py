"""The plan, the folders and the table of contents say the same."""

import pytest

from tools import pages

PLAN = pages.plan()
SECTIONS = [entry for entry in PLAN if not entry.is_chapter]
WRITTEN = [entry for entry in PLAN if entry.source()]


def order(entry: pages.Planned) -> tuple[int, ...]:
    """Return the number of an entry as one that can be compared."""
    return tuple(map(int, entry.number.split(".")))


def test_plan_is_in_order():
    """Chapters and sections are listed by number, none twice."""
    numbers = [order(entry) for entry in PLAN]

    assert numbers == sorted(set(numbers))


def test_sections_build_on_earlier_ones_of_their_chapter():
    """Whoever reads in order has read what a section needs."""
    numbers = {entry.number for entry in SECTIONS}

    for entry in SECTIONS:
        for needed in entry.needs:
            assert needed in numbers
            assert needed.split(".")[0] == entry.number.split(".")[0]
            assert order(entry) > tuple(map(int, needed.split(".")))


def test_plan_names_the_folder_of_each_chapter():
    """Folder 03-basics holds chapter 3 and every 3.x."""
    for entry in PLAN:
        assert int(entry.folder[:2]) == order(entry)[0], entry
    assert len({entry.folder for entry in PLAN}) == len(
        [entry for entry in PLAN if entry.is_chapter]
    )


def test_every_file_of_a_chapter_is_planned():
    """No page lies in a chapter's folder without a line in the plan."""
    written = {entry.source() for entry in WRITTEN}
    folders = {entry.folder for entry in PLAN}

    for folder in folders:
        for suffix in ("*.md", "*.ipynb"):
            found = (pages.ROOT / "chapters" / folder).glob(suffix)
            assert set(found) <= written


def test_every_written_page_is_in_the_table_of_contents():
    """A page that exists can be reached, and the order is the plan's."""
    text = (pages.ROOT / "_toc.yml").read_text("utf-8")

    assert text == pages.contents(), "run 'python -m tools.pages'"


def test_table_of_contents_lists_only_what_exists():
    """Every entry of _toc.yml is a file, listed once."""
    listed = pages.toc()

    assert len(set(listed)) == len(listed)
    for one in listed:
        assert pages.source(one).is_file()


@pytest.mark.parametrize("entry", WRITTEN, ids=lambda entry: entry.number)
def test_title_is_the_planned_one(entry: pages.Planned):
    """A page's title is its number and the title in chapters/plan.tsv."""
    source = entry.source()
    assert source

    assert pages.Page(source).title == f"{entry.number} {entry.title}"


def test_two_files_for_one_section_are_refused(tmp_path):
    """A section number stands for one page."""
    folder = tmp_path / "chapters" / "03-basics"
    folder.mkdir(parents=True)
    (folder / "06-one.ipynb").touch()
    (folder / "06-two.md").touch()

    with pytest.raises(ValueError, match=r"3\.6 has two files: 06-one"):
        pages.Planned("3.6", "03-basics", "t").source(tmp_path)


def test_a_listed_page_without_a_file_is_refused(tmp_path):
    """The error says which files were looked for."""
    with pytest.raises(FileNotFoundError, match=r"no a/b\.ipynb and no a/b"):
        pages.source("a/b", tmp_path)
