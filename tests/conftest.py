"""Fixtures shared by all tests: shapes checked, seeds fixed, no network."""

import os

import pytest
from jaxtyping import install_import_hook

# Shapes in the signatures of d2l are checked on every call made by a test.
install_import_hook("d2l", "beartype.beartype")

os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def _seed() -> None:
    import torch

    torch.manual_seed(0)
