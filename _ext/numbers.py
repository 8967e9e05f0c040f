"""Numbers of figures, tables and exercises, counted within their page.

Titles carry their own numbers (``3.6 ...``). Sphinx would count figures
through the whole book, so that a new page renumbers all later ones; here the
second figure of page 3.6 is Figure 3.6.2.
"""

import re
from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

_NUMBER = re.compile(r"\d+(?:\.\d+)*")
Numbers = dict[str, dict[str, dict[str, tuple[int, ...]]]]


def prefix(title: str) -> tuple[int, ...]:
    """Return the number a title starts with, ``()`` if it has none."""
    found = _NUMBER.match(title)
    return tuple(map(int, found.group().split("."))) if found else ()


def per_page(counted: Numbers, titles: dict[str, str]) -> Numbers:
    """Recount each page's numbers from one, after the number of the page."""
    return {
        page: {
            kind: {
                name: (*prefix(titles[page]), place)
                for place, name in enumerate(
                    sorted(numbers, key=lambda name: numbers[name]), start=1
                )
            }
            for kind, numbers in kinds.items()
        }
        for page, kinds in counted.items()
    }


def before(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Show Sphinx the numbers it made, so that it sees what has changed."""
    env.toc_fignumbers = getattr(env, "d2l_counted", env.toc_fignumbers)
    return []


def after(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Replace Sphinx's numbers; rewrite the pages whose numbers changed."""
    old = getattr(env, "d2l_numbers", {})
    titles = {page: title.astext() for page, title in env.titles.items()}
    new = per_page(env.toc_fignumbers, titles)
    env.d2l_counted = env.toc_fignumbers  # type: ignore[attr-defined]
    env.d2l_numbers = env.toc_fignumbers = new  # type: ignore[attr-defined]
    return [page for page in new if old.get(page) != new[page]]


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the extension around Sphinx's own numbering."""
    app.connect("env-get-updated", before, priority=100)
    app.connect("env-get-updated", after, priority=900)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True}
