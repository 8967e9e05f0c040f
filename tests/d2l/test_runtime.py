"""Device, seed and scale, and what importing the package costs."""

import ast
import json
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
import torch

import d2l
from d2l import _session

QUICK = """
import sys, time
import torch
start = time.perf_counter()
import d2l
d2l.check, d2l.fetch, d2l.runtime, d2l.train, d2l.layers
print(time.perf_counter() - start)
print(*[m for m in {suspects} if m in sys.modules])
"""


def test_the_device_is_one_that_works():
    """A tensor can be made and added up on the chosen device."""
    x = torch.ones(3, device=d2l.runtime.device())

    assert x.sum().item() == 3


def test_the_same_seed_gives_the_same_numbers():
    """Seeding twice repeats the draw; another seed gives another draw."""
    draws = []
    for n in (7, 7, 8):
        d2l.runtime.seed(n)
        draws.append(torch.rand(5))

    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


@pytest.mark.parametrize("bad", [1.5, "0", None, True])
def test_a_seed_is_a_whole_number(bad):
    """Anything else is refused by type."""
    with pytest.raises(TypeError, match="whole number"):
        d2l.runtime.seed(bad)


def test_a_seed_is_not_negative():
    """PyTorch would accept some negative seeds and alias them."""
    with pytest.raises(ValueError, match="-1"):
        d2l.runtime.seed(-1)


@pytest.mark.parametrize(("name", "expected"), [("full", 5), ("small", 2)])
def test_the_environment_chooses_the_scale(monkeypatch, name, expected):
    """``D2L_SCALE`` wins over the device."""
    monkeypatch.setenv("D2L_SCALE", name)

    assert d2l.runtime.scale(full=5, small=2) == expected


def test_without_the_environment_the_device_chooses(monkeypatch):
    """Full where there is an accelerator, else small."""
    monkeypatch.delenv("D2L_SCALE", raising=False)

    monkeypatch.setattr(_session, "accelerator", lambda: None)
    assert d2l.runtime.scale(full="F", small="S") == "S"
    monkeypatch.setattr(_session, "accelerator", lambda: torch.device("cuda"))
    assert d2l.runtime.scale(full="F", small="S") == "F"


def test_an_unknown_scale_is_refused(monkeypatch):
    """The message names the two that exist."""
    monkeypatch.setenv("D2L_SCALE", "medium")

    with pytest.raises(ValueError, match=r"'medium'.*'full' or 'small'"):
        d2l.runtime.scale(full=1, small=2)


def test_the_scale_is_written_to_the_event_log(monkeypatch, tmp_path):
    """tools/record.py learns from the log that a page asked for a scale."""
    monkeypatch.setenv("D2L_EVENTS", str(tmp_path / "log"))
    monkeypatch.setenv("D2L_SCALE", "full")

    d2l.runtime.scale(full=1, small=2)

    lines = (tmp_path / "log").read_text().splitlines()
    assert [json.loads(x) for x in lines] == [
        {"kind": "scale", "scale": "full"}
    ]


def clock(monkeypatch, *, at=0.0):
    """Replace the clock by one that only the test moves."""
    now = [at]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    return now


def test_seconds_are_the_median_and_the_extremes(monkeypatch):
    """Runs of 4, 1 and 2 s after two of 9 s that only warm up."""
    now, runs = clock(monkeypatch), [9.0, 9.0, 4.0, 1.0, 2.0]

    def call():
        now[0] += runs.pop(0)

    timing = d2l.runtime.seconds(call, repeat=3, warm=2, device="cpu")

    assert timing == d2l.runtime.Timing(median=2.0, low=1.0, high=4.0)
    assert runs == []


def test_seconds_warm_up_once_and_measure_five_times():
    """Without further words, that is six runs."""
    runs = []

    d2l.runtime.seconds(lambda: runs.append(0))

    assert len(runs) == 6


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_seconds_wait_for_the_device(monkeypatch, device):
    """What a call has only asked for counts, what went before does not."""
    now, asked = clock(monkeypatch), [100.0]

    def wait(*_):
        now[0] += asked.pop() if asked else 0.0

    monkeypatch.setattr(torch.cuda, "synchronize", wait)
    monkeypatch.setattr(torch.mps, "synchronize", wait)

    timing = d2l.runtime.seconds(
        lambda: asked.append(3.0), repeat=1, warm=0, device=device
    )

    assert timing.median == 3.0


def test_seconds_are_those_of_the_device_in_use(monkeypatch):
    """Without a device given, the one that pages compute on is waited for."""
    waited: list[torch.device] = []
    monkeypatch.setattr(_session, "accelerator", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)

    d2l.runtime.seconds(list, repeat=2, warm=0)

    assert waited == [torch.device("cuda")] * 4


@pytest.mark.parametrize(("repeat", "warm"), [(0, 1), (1, -1)])
def test_seconds_need_a_run(repeat, warm):
    """The message gives both numbers."""
    with pytest.raises(ValueError, match=f"repeat is {repeat} and warm is"):
        d2l.runtime.seconds(list, repeat=repeat, warm=warm)


def test_importing_costs_little_and_needs_little():
    """At most 0.5 s beyond torch, and no plotting, tables or notebooks."""
    suspects = {"IPython", "matplotlib.pyplot", "torchtext", "torchvision"}
    code = QUICK.format(suspects=sorted(suspects))

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )

    seconds, imported = done.stdout.split("\n")[:2]
    assert float(seconds) < 0.5
    assert imported == ""


def test_an_unknown_module_is_named():
    """The error lists the modules that there are."""
    with pytest.raises(AttributeError, match=r"no module 'utils'.*check"):
        d2l.utils  # noqa: B018


def test_editors_see_the_modules_that_there_are():
    """Lazy modules have no types unless they are imported for the checker."""
    tree = ast.parse(Path(d2l.__file__).read_text(encoding="utf-8"))

    [seen] = [
        n
        for n in ast.walk(tree)
        if isinstance(n, ast.ImportFrom) and n.module == "d2l"
    ]

    assert [name.name for name in seen.names] == d2l.__all__
    assert Path(d2l.__file__).with_name("py.typed").is_file()


def test_files_that_are_no_code_are_packaged():
    """An installed package has the registry and says that it is typed."""
    root = Path(d2l.__file__).parent
    settings = tomllib.loads((root.parent / "pyproject.toml").read_text())

    packaged = {
        root.parent.joinpath(*package.split("."), name)
        for package, names in settings["tool"]["setuptools"][
            "package-data"
        ].items()
        for name in names
    }

    others = {p for p in root.rglob("*") if p.is_file()}
    others = {p for p in others if p.suffix not in (".py", ".pyc")}
    assert packaged == others
