"""The shared module of *Deep Learning, Executed*.

``import d2l`` and write ``d2l.plot.curves(...)``: the prefix says *ours*, the
module says *what for*. Modules are imported when they are first used, so the
import itself costs little more than ``import torch``.
"""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # so that editors know what d2l.plot.curves takes
    from d2l import (
        check,
        data,
        fetch,
        layers,
        plot,
        runtime,
        samples,
        train,
    )

__all__ = [
    "check",
    "data",
    "fetch",
    "layers",
    "plot",
    "runtime",
    "samples",
    "train",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(
        f"d2l has no module {name!r}; it has {', '.join(__all__)}"
    )


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
