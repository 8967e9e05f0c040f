"""What this process has used: data tiers, scale, and who is watching.

Below every other module, so that claims know which bound applies and
``tools/record.py`` learns what a notebook did. It is the one place of the
package that keeps state; everything it keeps is a fact about the process.
"""

import functools
import json
import os
from typing import Literal

import torch

Scale = Literal["full", "small"]
Tier = Literal["real", "sample"]

_tiers: dict[str, Tier] = {}


def event(kind: str, **facts: object) -> None:
    """Append one fact as a JSON line to the file named by ``D2L_EVENTS``.

    Without that variable nothing happens.
    """
    path = os.environ.get("D2L_EVENTS")
    if not path:
        return
    with open(path, "a", encoding="utf-8") as log:
        log.write(json.dumps({"kind": kind, **facts}) + "\n")


def note_data(name: str, tier: Tier) -> None:
    """Remember which tier a data set came from."""
    _tiers[name] = tier
    event("data", name=name, tier=tier)


def provenance() -> dict[str, Tier]:
    """Return the tier of every data set used so far, by name."""
    return dict(_tiers)


def recording() -> bool:
    """Say whether the output is being recorded, with nobody watching."""
    return os.environ.get("D2L_RECORDING") == "1"


@functools.cache
def accelerator() -> torch.device | None:
    """Return the first accelerator that works here: cuda, mps, or none."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return None


def scale_name() -> Scale:
    """Return the scale in force: ``D2L_SCALE``, else full with a device.

    Raises:
        ValueError: ``D2L_SCALE`` is neither ``full`` nor ``small``.
    """
    chosen = os.environ.get("D2L_SCALE", "")
    if chosen == "full":
        return "full"
    if chosen == "small":
        return "small"
    if chosen:
        raise ValueError(
            f"D2L_SCALE is {chosen!r}; set it to 'full' or 'small', "
            "or leave it out to let the device decide"
        )
    return "full" if accelerator() else "small"
