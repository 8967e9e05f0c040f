"""How two texts differ: characters exactly, numbers within a tolerance."""

import itertools
import math
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

RTOL = 1e-3
ATOL = 1e-6

# A number is not part of a name (conv2d, float32, v1.2). A dotted version is
# matched first and left as text, so that 2.14.1 is not 2.14 and 0.1.
NUMBER = r"[-+\u2212]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_TOKEN = re.compile(
    r"(?P<version>(?<![\w.])\d+(?:\.\d+){2,})"
    rf"|(?<![\w.#])(?P<number>{NUMBER})"
)
# What stands behind the value of a claim.
_BOUND = re.compile(
    r"\((at least|at most|between) ([-+.\de]+)(?: and ([-+.\de]+))?[;)]"
)
_WHOLE = re.compile(r"[-+\u2212]?\d+")


@dataclass(frozen=True)
class Tolerance:
    """How far two numbers may be apart and count as the same."""

    rtol: float = RTOL
    atol: float = ATOL

    def accepts(self, stored: float, fresh: float) -> bool:
        """Tell whether the numbers are close enough."""
        if math.isinf(stored) or math.isinf(fresh):
            return stored == fresh
        largest = max(abs(stored), abs(fresh))
        return abs(stored - fresh) <= self.atol + self.rtol * largest


def text(
    stored: str,
    fresh: str,
    tolerance: Tolerance | None = None,
    claims: Collection[str] = (),
) -> str:
    """Say where two texts differ first; numbers need only be close."""
    tolerance = tolerance or Tolerance()
    heads = tuple(f"claim: {what} = " for what in claims)
    old_lines, new_lines = stored.split("\n"), fresh.split("\n")
    for number, (old, new) in enumerate(
        itertools.zip_longest(old_lines, new_lines), start=1
    ):
        if old is None or new is None:
            return (
                f"stored {len(old_lines)} lines, now {len(new_lines)}; "
                f"line {number}: stored {old!r}, now {new!r}"
            )
        head = next((h for h in heads if new.startswith(h)), "")
        if not _same_line(old, new, tolerance, head):
            where = f"line {number}: " if len(old_lines) > 2 else ""
            return f"{where}stored {old!r}, now {new!r}"
    return ""


def _same_line(old: str, new: str, tolerance: Tolerance, head: str) -> bool:
    """Compare two lines; ``head`` begins the line of a claim."""
    if not head:
        return same_tokens(old, new, tolerance)
    if not old.startswith(head):
        return False
    old_value, _, old_rest = old.removeprefix(head).partition(" ")
    new_value, _, new_rest = new.removeprefix(head).partition(" ")
    if old_rest != new_rest:
        return False
    try:
        stored, fresh = float(old_value), float(new_value)
    except ValueError:
        return False
    return tolerance.accepts(stored, fresh) or (
        _holds(stored, old_rest) and _holds(fresh, old_rest)
    )


def _holds(value: float, rest: str) -> bool:
    """Tell whether a value holds the bound that is printed behind it.

    That is all that a claim says: where the bound has room, another
    processor may give another value within it.
    """
    found = _BOUND.match(rest)
    if not found:
        return False
    words, first, second = found.groups()
    if words == "at most":
        return value <= float(first)
    return float(first) <= value <= float(second or "inf")


def same_tokens(stored: str, fresh: str, tolerance: Tolerance) -> bool:
    """Compare two lines token by token.

    Blanks beside a number have no meaning: they pad a column whose width
    changes with a sign.
    """
    if stored == fresh:
        return True
    pairs = itertools.zip_longest(_tokens(stored), _tokens(fresh))
    return all(
        old is not None
        and new is not None
        and (
            same_number(old[1], new[1], tolerance)
            if old[0]
            else old[1] == new[1]
        )
        for old, new in pairs
    )


def _tokens(line: str) -> Iterator[tuple[bool, str]]:
    """Yield text and numbers in turn, beginning and ending with text."""
    end = 0
    for match in _TOKEN.finditer(line):
        if match["number"] is None:
            continue
        before = line[end : match.start()]
        yield False, before.strip(" ") if end else before.rstrip(" ")
        yield True, match["number"]
        end = match.end()
    rest = line[end:]
    yield False, rest.lstrip(" ") if end else rest


def same_number(stored: str, fresh: str, tolerance: Tolerance) -> bool:
    """Compare two numbers as they are written.

    They may differ by the tolerance, relative to their size, and by half a
    unit of the last digit written: ``1e-7`` is not ``9e-7``. Whole numbers
    must be the same. If only one is written as a whole number (``1`` and
    ``0.999999``, by the same format), the values must be close and not
    equal: ``1`` for ``1.0`` is a change of type.
    """
    whole = [bool(_WHOLE.fullmatch(number)) for number in (stored, fresh)]
    if all(whole):
        return stored == fresh
    old, new = value(stored), value(fresh)
    if any(whole) and old == new:
        return False
    room = min(map(_last_digit, (stored, fresh))) / 2
    return Tolerance(tolerance.rtol, room).accepts(old, new)


def value(number: str) -> float:
    """Read a number, whichever minus it has."""
    return float(number.replace("\u2212", "-"))


def _last_digit(number: str) -> float:
    """Return what a unit of the last digit of a number is worth."""
    mantissa, _, exponent = number.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return float(f"1e{int(exponent or 0) - decimals}")
