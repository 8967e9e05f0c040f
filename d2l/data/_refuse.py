"""Errors at the door that several data sets share."""

from numbers import Integral


def refuse_small(name: str, value: int, least: int) -> None:
    """Raise unless the value is a whole number and large enough."""
    if not isinstance(value, Integral) or value < least:
        raise ValueError(
            f"{name} is {value!r}; give a whole number, {least} or more"
        )
