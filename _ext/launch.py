"""Launch buttons that know where the book lives.

The address is taken from the build: ``GITHUB_REPOSITORY`` (set by GitHub's
runners) or the git remote ``origin``. Without either there is no Colab,
Binder or Thebe button, because an invented address is worse than none.
"""

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

from tools.publish import BRANCH, repository

BUTTONS = {
    "notebook_interface": "jupyterlab",
    "binderhub_url": "https://mybinder.org",
    "colab_url": "https://colab.research.google.com",
    "thebe": True,
}


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
