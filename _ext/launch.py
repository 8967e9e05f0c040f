"""Launch buttons that know where the book lives.

The address is taken from the build: ``GITHUB_REPOSITORY`` (set by GitHub's
runners) or the git remote ``origin``. Without either there is no Colab,
Binder or Thebe button, because an invented address is worse than none.
"""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

BRANCH = "notebooks"
BUTTONS = {
    "notebook_interface": "jupyterlab",
    "binderhub_url": "https://mybinder.org",
    "colab_url": "https://colab.research.google.com",
    "thebe": True,
}
_GITHUB = re.compile(
    r"(?<![\w.-])github\.com[/:]([\w.-]+/[\w.-]+?)(?:\.git)?/?$"
)


def repository(root: Path, env: dict[str, str] | None = None) -> str | None:
    """Return ``owner/name`` of the GitHub repository, or None if unknown."""
    named = (os.environ if env is None else env).get("GITHUB_REPOSITORY")
    if named:
        return named
    try:
        remote = subprocess.run(
            ["git", "-C", str(root), "remote", "get-url", "origin"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
    found = _GITHUB.search(remote)
    return found.group(1) if found else None


def configure(app: Sphinx, config: Config) -> None:
    """Give the theme and Thebe the repository, or take the buttons away."""
    name = repository(Path(app.srcdir))
    options = config.html_theme_options
    options["launch_buttons"] = BUTTONS if name else {}
    options["repository_url"] = f"https://github.com/{name}" if name else ""
    options["repository_branch"] = BRANCH if name else ""
    options["use_repository_button"] = bool(name)
    if name:
        config["thebe_config"] = {
            "repository_url": options["repository_url"],
            "repository_branch": BRANCH,
        }


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the extension; load Thebe's only where it has a use."""
    if repository(Path(app.srcdir)):
        app.setup_extension("sphinx_thebe")
    app.connect("config-inited", configure)
    return {"version": "1", "parallel_read_safe": True}
