"""The real set where it can be had, else its embedded sample."""

import copy
from collections.abc import Callable
from typing import TypeVar

from d2l import _session, fetch

_Parts = TypeVar("_Parts")


def real_or_sample(
    name: str,
    real: Callable[[], _Parts],
    sample: Callable[[], _Parts],
    *,
    file: str,
    notice: str,
) -> _Parts:
    """Read the real set, or make its sample, once per process.

    Args:
        name: What `provenance` calls the set.
        real: Reads the set; raises `fetch.DataUnavailable` where it cannot.
        sample: Makes what stands in for it.
        file: A file of the set in the registry of ``d2l.fetch``.
        notice: The sentence that says what stands in; the reason follows.

    Returns:
        A copy: what the caller does with it changes nothing for the next.
    """
    if name not in _session.provenance():
        reason = ""
        try:
            if _session.choices().samples:
                raise fetch.DataUnavailable("D2L_SAMPLES asks for the sample")
            _session.kept[name] = real()
        except fetch.DataUnavailable as error:
            reason = error.reason
            _session.kept[name] = sample()
            print(f"{notice} Why: {reason}.{_more(file)}")
        _session.note_data(name, "sample" if reason else "real", reason)
    else:
        _session.note_data(name, _session.provenance()[name])
    parts: _Parts = copy.deepcopy(_session.kept[name])
    return parts


def _more(file: str) -> str:
    """Say where to learn more; nothing where nothing was tried."""
    if _session.choices().samples:
        return ""
    return f" (d2l.fetch.file({file!r}) tells all.)"
