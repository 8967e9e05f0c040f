"""Small repairs of what other extensions leave behind."""

import hashlib
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import ENV_PICKLE_FILENAME, Sphinx

# sphinx-exercise gives every box the same identifier; identifiers are unique.
_SHARED = {"exercise-content", "solution-content"}


def drop_shared_ids(
    app: Sphinx, document: nodes.document, docname: str
) -> None:
    """Remove identifiers that would occur more than once on a page."""
    for section in document.findall(nodes.section):
        if _SHARED & set(section["ids"]):
            section["ids"] = [
                name for name in section["ids"] if name not in _SHARED
            ]


def repair_html(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Mend markup that assistive software cannot make sense of."""
    if "body" in context:
        context["body"] = repaired(context["body"])


def repaired(body: str) -> str:
    """Return a page's HTML with its roles and lists put right.

    Sphinx writes the parameters of a long signature as a definition list
    without terms, and the references as a list without items.
    """
    body = re.sub(r'<dt class="sig .*?</dt>', _signature, body, flags=re.S)
    return body.replace(
        '<div role="list" class="citation', '<div class="citation'
    )


def _signature(found: re.Match[str]) -> str:
    text = re.sub(r"</?dl>", "", found.group())
    text = text.replace("<dd>", '<span class="d2l-parameter">')
    return text.replace("</dd>", "</span>")


def forget_a_bad_build(app: Sphinx, fault: Exception | None) -> None:
    """Read everything again after a build that failed or warned.

    Sphinx skips pages that have not changed, and so would their warnings
    be skipped: a second ``make book`` would pass where the first did not.
    """
    if fault or app.statuscode or app._warncount:
        Path(app.doctreedir, ENV_PICKLE_FILENAME).unlink(missing_ok=True)


def digest() -> str:
    """Return a hash of the extensions: other code, another environment."""
    root = Path(__file__).resolve().parents[1]
    sources = [*root.glob("_ext/*.py"), root / "tools" / "pages.py"]
    text = b"".join(path.read_bytes() for path in sorted(sources))
    return hashlib.sha256(text).hexdigest()


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the repairs."""
    app.connect("doctree-resolved", drop_shared_ids)
    app.connect("html-page-context", repair_html)
    app.connect("build-finished", forget_a_bad_build)
    return {
        "version": "1",
        "env_version": digest(),
        "parallel_read_safe": True,
    }
