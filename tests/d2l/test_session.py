"""What is chosen once per process, and stays."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import d2l
from d2l import _session, fetch
from d2l.data import _tier


def load(real, *, name="roses"):
    """Load an invented set whose sample is ``"drawn"``."""
    return _tier.real_or_sample(
        name, real, lambda: "drawn", file="airfoil", notice="No roses here."
    )


def unavailable():
    """Fail as a set does that cannot be had."""
    raise fetch.DataUnavailable("long", reason="the disk is full")


@pytest.mark.parametrize("value", ["1", "true", "YES", "on"])
def test_a_switch_is_on(monkeypatch, value):
    """Whatever people write for yes means yes."""
    monkeypatch.setenv("D2L_SAMPLES", value)

    assert _session.choices().samples


@pytest.mark.parametrize("value", ["", "0", "false", "No", "off"])
def test_a_switch_is_off(monkeypatch, value):
    """Whatever people write for no means no, and so does nothing."""
    monkeypatch.setenv("D2L_OFFLINE", value)

    assert not _session.choices().offline


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("D2L_SAMPLES", "perhaps", "D2L_SAMPLES is 'perhaps'.*1 or 0"),
        ("D2L_SCALE", "medium", "'full' or 'small'"),
        ("D2L_DEVICE", "gpu", "'cpu', 'cuda' or 'mps'"),
        ("D2L_SEED", "-1", "D2L_SEED is '-1'; give a whole number"),
        ("D2L_SEED", "1.5", "whole number"),
        ("D2L_PATIENCE", "long", "D2L_PATIENCE is 'long'; give seconds"),
        ("D2L_PATIENCE", "inf", "seconds"),
    ],
)
def test_what_a_variable_cannot_be_is_refused(monkeypatch, name, value, match):
    """The error names the variable, its value and what it may be."""
    monkeypatch.setenv(name, value)

    with pytest.raises(ValueError, match=match):
        _session.choices()


def test_a_choice_stays(monkeypatch):
    """Two halves of a page never run at two scales, or from two places."""
    monkeypatch.setenv("D2L_SCALE", "small")
    before = _session.choices()

    monkeypatch.setenv("D2L_SCALE", "full")
    monkeypatch.setenv("D2L_OFFLINE", "1")

    assert _session.choices() == before
    assert d2l.runtime.scale(full=2, small=1) == 1


def test_folders_are_the_same_from_every_page(monkeypatch, tmp_path):
    """Pages run in their own folders; a relative one is of the checkout."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("D2L_DATA", "mine")
    monkeypatch.setenv("D2L_MIRROR", "../theirs")
    root = Path(d2l.__file__).parents[1]

    chosen = _session.choices()

    assert chosen.cache == root / "mine"
    assert chosen.mirror == root / "../theirs"


def test_outside_a_checkout_folders_start_where_the_program_is(
    monkeypatch, tmp_path
):
    """They stay when the program moves; the home folder is understood."""
    monkeypatch.setattr(_session, "__file__", "/lib/d2l/_session.py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("D2L_DATA", "mine")
    monkeypatch.setenv("D2L_MIRROR", "~/theirs")

    assert _session.choices().cache == tmp_path / "mine"
    monkeypatch.chdir("/")
    assert _session.choices().cache == tmp_path / "mine"
    assert _session.choices().mirror == Path.home() / "theirs"


def test_a_mirror_is_a_folder_or_an_address(monkeypatch, tmp_path):
    """``file://`` is a folder; an address stays as it is."""
    monkeypatch.setenv("D2L_MIRROR", f"file://{tmp_path}")
    assert _session.choices().mirror == tmp_path

    _session.forget()
    monkeypatch.setenv("D2L_MIRROR", "https://example.org/data")
    assert _session.choices().mirror == "https://example.org/data"


def test_the_tier_of_a_set_stays_real():
    """A file that disappears later changes nothing."""
    load(lambda: "real")

    assert load(unavailable) == "real"
    assert d2l.data.provenance() == {"roses": "real"}


def test_the_tier_of_a_set_stays_the_sample(capsys):
    """A file that appears later changes nothing; it is said once."""
    load(unavailable)

    assert load(lambda: "real") == "drawn"
    assert d2l.data.provenance() == {"roses": "sample"}
    assert capsys.readouterr().out.count("No roses here.") == 1


def test_a_set_that_was_asked_for_as_sample_says_so(monkeypatch, capsys):
    """Nothing was tried, so there is nothing more to learn."""
    monkeypatch.setenv("D2L_SAMPLES", "1")

    assert load(lambda: "real") == "drawn"
    assert capsys.readouterr().out == (
        "No roses here. Why: D2L_SAMPLES asks for the sample.\n"
    )


def test_every_use_of_a_set_is_noted(monkeypatch, tmp_path):
    """A page that uses a set another has read is known to rest on it."""
    monkeypatch.setenv("D2L_EVENTS", str(tmp_path / "log"))

    load(lambda: "real")
    load(lambda: "real")

    lines = (tmp_path / "log").read_text().splitlines()
    assert [json.loads(line) for line in lines] == 2 * [
        {"kind": "data", "name": "roses", "tier": "real"}
    ]


def test_two_tiers_of_one_set_are_refused():
    """A bound would otherwise belong to other data than the number."""
    _session.note_data("roses", "real")

    with pytest.raises(RuntimeError, match="real before and now as sample"):
        _session.note_data("roses", "sample")


def test_the_notice_says_why(capsys):
    """What stands in is not a secret, nor what would help."""
    load(unavailable)

    said = capsys.readouterr().out
    assert "No roses here. Why: the disk is full." in said
    assert "d2l.fetch.file('airfoil') tells all" in said
    assert _session.reasons() == {"roses": "the disk is full"}


def test_a_set_belongs_to_its_caller():
    """Changing what came changes nothing for the next who asks."""
    first = load(lambda: (torch.zeros(2),))
    first[0].add_(1)

    assert load(unavailable)[0].tolist() == [0, 0]


def test_seeds_are_shifted_everywhere(monkeypatch):
    """``D2L_SEED`` moves the global draws, the orders and the data sets."""
    shifted = {}
    for shift in ("0", "3"):
        _session.forget()
        monkeypatch.setenv("D2L_SEED", shift)
        d2l.runtime.seed(4)
        draw = torch.rand(3)
        rows = torch.arange(9)
        batches = d2l.data.Batches(rows, batch_size=9, shuffle=True, seed=4)
        X, _ = d2l.data.linear([1.0], 0.0, num_samples=3, seed=4)
        shifted[shift] = draw.tolist(), next(iter(batches))[0].tolist(), X
    _session.forget()
    monkeypatch.delenv("D2L_SEED")
    d2l.runtime.seed(7)
    batches = d2l.data.Batches(rows, batch_size=9, shuffle=True, seed=7)
    X, _ = d2l.data.linear([1.0], 0.0, num_samples=3, seed=7)

    assert shifted["3"][0] == torch.rand(3).tolist()
    assert shifted["3"][1] == next(iter(batches))[0].tolist()
    assert torch.equal(shifted["3"][2], X)
    assert shifted["3"][0] != shifted["0"][0]


def announce(monkeypatch, *names, works=True, value=1.0):
    """Announce devices; their first operation works, or fails."""
    tried = []

    def make(*shape, device="cpu"):
        tried.append(device)
        if not works:
            raise RuntimeError("no kernel image is available\nfor this device")
        return torch.full(shape, value)

    cuda, mps = "cuda" in names, "mps" in names
    monkeypatch.delenv("D2L_DEVICE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    monkeypatch.setattr(torch, "ones", make)
    return tried


def test_a_device_that_works_is_taken(monkeypatch):
    """Announced, and tried once per process."""
    tried = announce(monkeypatch, "cuda", "mps")

    assert d2l.runtime.device() == torch.device("cuda")
    assert d2l.runtime.device() == torch.device("cuda")
    assert tried == ["cuda"]


def test_without_cuda_a_mac_computes_on_its_own_device(monkeypatch, capsys):
    """What is not announced is not mentioned."""
    announce(monkeypatch, "mps")

    assert d2l.runtime.device() == torch.device("mps")
    assert capsys.readouterr().out == ""


def test_a_device_that_computes_nonsense_is_given_up(monkeypatch, capsys):
    """The result of the first operation is read."""
    announce(monkeypatch, "mps", value=2.0)

    assert d2l.runtime.device() == torch.device("cpu")
    assert "eight ones add up to 32" in capsys.readouterr().out


def test_a_device_that_fails_is_given_up_with_a_line(monkeypatch, capsys):
    """Old cards, and hosted Macs, announce what they cannot do."""
    announce(monkeypatch, "cuda", works=False)

    assert d2l.runtime.device() == torch.device("cpu")
    assert d2l.runtime.scale(full=2, small=1) == 1
    assert capsys.readouterr().out == (
        "cuda is announced but fails (no kernel image is available); "
        "going on without.\n"
    )


def test_the_environment_forces_the_processor(monkeypatch):
    """``D2L_DEVICE=cpu`` wins over a device that works."""
    announce(monkeypatch, "cuda")
    monkeypatch.setenv("D2L_DEVICE", "cpu")

    assert d2l.runtime.device() == torch.device("cpu")


def test_a_forced_device_that_is_missing_is_an_error(monkeypatch):
    """Whoever asks for one is not given another."""
    announce(monkeypatch, "mps")
    monkeypatch.setenv("D2L_DEVICE", "cuda")

    with pytest.raises(RuntimeError, match=r"asks for cuda.*not there"):
        d2l.runtime.device()


def test_a_forced_device_that_fails_is_an_error(monkeypatch):
    """The message says how it failed."""
    announce(monkeypatch, "cuda", "mps", works=False)
    monkeypatch.setenv("D2L_DEVICE", "mps")

    with pytest.raises(RuntimeError, match=r"asks for mps, but no kernel"):
        d2l.runtime.device()


@pytest.mark.parametrize(
    ("terminal", "notebook", "recorded", "seen"),
    [
        (True, False, "", True),
        (False, True, "", True),
        (False, True, "1", False),
        (True, False, "1", False),
        (False, False, "", False),
    ],
)
def test_a_person_watches_a_terminal_or_a_notebook(
    monkeypatch, terminal, notebook, recorded, seen
):
    """Nobody does while the output is recorded."""
    monkeypatch.setenv("D2L_RECORDING", recorded)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    if notebook:
        monkeypatch.setitem(sys.modules, "ipykernel", json)

    assert _session.watched() is seen


def test_the_package_does_not_import_torch_itself():
    """``from d2l import torch`` means the submodule of classic names.

    An attribute of that name would be handed out instead.
    """
    code = "import d2l, sys; print('torch' in vars(d2l))"

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )

    assert done.stdout.strip() == "False"
