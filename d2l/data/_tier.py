"""The real set where it can be had, else its embedded sample."""

import os
from collections.abc import Callable
from typing import TypeVar

from d2l import _session, fetch

_Parts = TypeVar("_Parts")


def real_or_sample(
    name: str,
    real: Callable[[], _Parts],
    sample: Callable[[], _Parts],
    *,
    notice: str,
) -> _Parts:
    """Read the real set, or make its sample, and note which it was.

    Args:
        name: What `provenance` calls the set.
        real: Reads the set; raises `fetch.DataUnavailable` where it cannot.
        sample: Makes what stands in for it.
        notice: The line that says so, printed once per process.
    """
    try:
        if os.environ.get("D2L_SAMPLES") == "1":
            raise fetch.DataUnavailable("D2L_SAMPLES=1 asks for the sample")
        parts = real()
    except fetch.DataUnavailable:
        if _session.provenance().get(name) != "sample":
            print(notice)
        parts = sample()
        _session.note_data(name, "sample")
    else:
        _session.note_data(name, "real")
    return parts
