"""Fixtures shared by all tests."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.pretend import Accelerator

os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def _seed() -> None:
    """Every test starts from the same random numbers."""
    import torch

    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _nothing_chosen() -> Iterator[None]:
    """Every test chooses anew, and leaves no choice behind."""
    from d2l import _session

    _session.forget()
    yield
    _session.forget()


@pytest.fixture(params=["cuda", "mps"])
def accelerator(request: pytest.FixtureRequest) -> "Iterator[Accelerator]":
    """A device that is only pretended, and as strict as a real one."""
    from tests.pretend import Accelerator

    with Accelerator(request.param) as pretended:
        yield pretended
