"""What can go wrong, in words that help."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class UnknownFile(ValueError):
    """The registry has no file of this name."""


class DataUnavailable(RuntimeError):
    """A file cannot be had here and now; says where it was looked for.

    Attributes:
        reason: The same in a phrase.
    """

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message


ELSEWHERE = "set D2L_DATA to a folder that can be written"


class CannotKeep(Exception):
    """The cache folder does not take a file: read-only, full, locked.

    Attributes:
        advice: What to do about it.
    """

    def __init__(self, message: str, advice: str = ELSEWHERE) -> None:
        super().__init__(message)
        self.advice = advice


class NotUsable(Exception):
    """A place was asked and did not give the right file; says why."""


def unknown_file(name: str, known: Iterable[str]) -> UnknownFile:
    """Describe an unknown name, with the nearest and all known ones."""
    known = sorted(known)
    nearest = get_close_matches(name, known, n=1)
    hint = f"did you mean {nearest[0]!r}? " if nearest else ""
    return UnknownFile(
        f"no file is called {name!r}; {hint}known names: {', '.join(known)}"
    )


def unavailable(
    title: str,
    attempts: Sequence[str],
    advice: Sequence[str],
    *,
    reason: str = "",
) -> DataUnavailable:
    """Describe a file that no place gave: what was tried, what to do.

    The reason in a phrase is, if not given, the fate of the last attempt:
    why the public address failed tells the most.
    """
    lines = [
        f"{title} cannot be had. Tried:",
        *(f"  - {attempt}" for attempt in attempts),
        "What to do:",
        *(f"  - {step}" for step in advice),
    ]
    return DataUnavailable("\n".join(lines), reason or attempts[-1])
