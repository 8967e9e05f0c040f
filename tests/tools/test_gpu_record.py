"""Recording far away: what is packed, run, stopped and brought back."""

import itertools
import json
import os
import signal
import subprocess
import sys
import tarfile
import textwrap
import time
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tools.gpu_record import __main__ as command_line
from tools.gpu_record import pack, run

CHAPTER = "chapters/05-networks"


def write(root, name, code, **stamp):
    """Write a page of chapter 5 that looks as if it had been recorded."""
    path = root / CHAPTER / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    notebook = new_notebook(cells=[new_code_cell(code)])
    if stamp:
        notebook.metadata["d2l"] = stamp
    nbformat.write(notebook, path)
    return path


def test_pages_with_a_full_scale_are_recorded_the_quick_ones_first(tmp_path):
    """Those that are the same everywhere stay where they are."""
    write(tmp_path, "01-same", "1", scale_matters=False, seconds=1)
    write(tmp_path, "02-slow", "1", scale_matters=True, seconds=50)
    write(tmp_path, "03-new", "1")
    write(tmp_path, "11-quick", "1", scale_matters=True, seconds=2)

    found = [page.number for page in run.chosen(tmp_path, 5)]

    assert found == ["5.11", "5.2", "5.3"]


def test_only_the_pages_asked_for_are_recorded(tmp_path):
    """By number; one that does not exist is named with those that do."""
    write(tmp_path, "01-a", "1")
    write(tmp_path, "11-b", "1")

    (found,) = run.chosen(tmp_path, 5, ["5.11"])

    assert found.path.name == "11-b.ipynb"
    with pytest.raises(ValueError, match=r"no page 5\.9; there are 5\.1, 5"):
        run.chosen(tmp_path, 5, ["5.11", "5.9"])
    with pytest.raises(ValueError, match="chapter 6 has no notebook"):
        run.chosen(tmp_path, 6)


CLAIMS = """
import os, d2l
d2l.check.claim("size", d2l.runtime.scale(full=3, small=2), (1, None))
print(os.environ["D2L_OFFLINE"], os.path.basename(os.environ["D2L_DATA"]))
"""
BROKEN = "import d2l\nd2l.check.claim('size', 3, (4, None))"


@pytest.fixture
def carried(tmp_path):
    """Return a folder with what travelled: one file of data, no wheels."""
    folder = tmp_path / ".gpu"
    folder.mkdir()
    (tmp_path / "words").write_bytes(b"cat dog")
    pack.compress([tmp_path / "words"], folder)
    return tmp_path


def test_a_failing_page_does_not_stop_the_others(carried, capsys):
    """What was recorded comes back with a log and a summary."""
    write(carried, "01-bad", BROKEN, scale_matters=True, seconds=1)
    good = write(carried, "02-good", CLAIMS, scale_matters=True, seconds=2)
    out = carried / "out"

    status = run.main(5, out, minutes=2, root=carried)

    assert status == 1
    bad, fine = json.loads((out / "summary.json").read_text())
    assert bad["status"] == "failed"
    assert "size = 3" in bad["reason"]
    assert (fine["status"], fine["scale"]) == ("recorded", "full")
    assert (fine["device"], fine["claims"]) == ("cpu", 1)
    with tarfile.open(out / "notebooks.tar.gz") as archive:
        (name,) = archive.getnames()
        archive.extractall(carried / "home", filter="data")
    assert name == f"{CHAPTER}/02-good.ipynb"
    assert (carried / "home" / name).read_bytes() == good.read_bytes()
    (cell,) = nbformat.read(good, as_version=4).cells
    assert "1 cache\n" in cell.outputs[-1].text
    assert (carried / ".gpu/cache/words").read_bytes() == b"cat dog"
    lines = capsys.readouterr().out.splitlines()
    assert [Path(line.split()[0]).stem for line in lines] == [
        "01-bad",
        "02-good",
    ]
    log = (out / "log.txt").read_text()
    assert "d2l.check.claim('size', 3, (4, None))" in log
    names = {path.name for path in out.iterdir()}
    assert names == {"log.txt", "summary.json", "notebooks.tar.gz"}


def test_no_page_is_started_when_the_time_is_up(carried, monkeypatch):
    """What is done comes back, and the summary names the rest."""
    clock = itertools.count(0.0, 20.0)
    monkeypatch.setattr(run.time, "monotonic", lambda: next(clock))
    for name in ("01-a", "02-b", "03-c"):
        write(carried, name, "1", scale_matters=True, seconds=1)
    done = []

    def record(path, *_):
        done.append(path.stem)
        return {"status": "recorded"}

    monkeypatch.setattr(run, "record", record)

    # The end is at 55; it is looked at before each page: 20, 40, 60.
    status = run.main(5, carried / "out", minutes=1, root=carried)

    assert status == 1
    assert done == ["01-a", "02-b"]
    found = json.loads((carried / "out" / "summary.json").read_text())
    assert [page["status"] for page in found] == [
        "recorded",
        "recorded",
        "not started",
    ]


def test_a_page_that_takes_too_long_is_stopped(carried):
    """Its kernel too, also behind ``&``; the notebook is as it was."""
    pid = carried / "pid"
    path = write(
        carried,
        "02-slow",
        f"import os, time\nopen({str(pid)!r}, 'w').write(str(os.getpid()))\n"
        "time.sleep(600)",
    )
    before = path.read_bytes()
    environment = run.prepare(carried / ".gpu", "full")
    log = carried / "log.txt"

    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        outcome = run.record(path, environment, 10.0, carried, log)
    finally:
        signal.signal(signal.SIGINT, handler)

    assert outcome["status"] == "stopped, the time was up"
    assert outcome["seconds"] < 10 + run.GRACE + 5
    assert path.read_bytes() == before
    assert "KeyboardInterrupt" in log.read_text()
    # On a machine so busy that the kernel did not start, nothing is shown.
    assert not pid.exists() or not running(int(pid.read_text()))


def running(pid):
    """Tell whether a process is there and has not ended."""
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().split()[2] != "Z"


def test_a_process_that_will_not_stop_is_killed(tmp_path, monkeypatch):
    """With all that it started; what it said is kept."""
    monkeypatch.setattr(run, "GRACE", 0.5)
    code = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)"
    )

    status, output = run.call(
        [sys.executable, "-c", code],
        dict(os.environ),
        tmp_path,
        3.0,
        tmp_path / "log.txt",
    )

    assert status is None
    time.sleep(0.2)
    assert not running(int(output))
    assert (tmp_path / "log.txt").read_text() == output


def test_what_is_recorded_lies_there_before_the_next_page(tmp_path):
    """A run that is cut off leaves what it has."""
    path = write(tmp_path, "01-a", "1")
    done = {"path": str(path.relative_to(tmp_path)), "status": "recorded"}
    todo = {"path": f"{CHAPTER}/02-b.ipynb", "status": "not started"}

    run.put_away([done, todo], tmp_path, tmp_path)

    with tarfile.open(tmp_path / "notebooks.tar.gz") as archive:
        assert archive.getnames() == [done["path"]]
    states = json.loads((tmp_path / "summary.json").read_text())
    assert [state["status"] for state in states] == ["recorded", "not started"]
    assert not (tmp_path / ".part").exists()


def make_wheel(folder, name, content):
    """Write the smallest wheel that pip installs."""
    info = f"{name}-1.0.dist-info"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}.py", content)
        wheel.writestr(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
            "Requires-Dist: not-to-be-had\n",
        )
        wheel.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\n"
            "Root-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr(
            f"{info}/RECORD",
            f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n",
        )
    return path


def test_carried_wheels_come_before_what_is_there(carried, monkeypatch):
    """They are installed without their needs and without a network."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("PYTHONPATH", str(carried / "there"))
    (carried / "there").mkdir()
    (carried / "there" / "tiny_d2l.py").write_text("WHERE = 'there'")
    make_wheel(carried / ".gpu/wheels", "tiny_d2l", "WHERE = 'carried'")

    environment = run.prepare(carried / ".gpu", "full")

    code = "import tiny_d2l; print(tiny_d2l.WHERE)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "carried\n", done.stderr


def test_the_run_starts_with_the_standard_library_alone():
    """What it installs cannot be needed to install it."""
    code = textwrap.dedent(
        """
        import sys
        from tools.gpu_record import __main__, run
        __main__.parse(["run", "--chapter", "5", "--out", "x"])
        own = {"tools", "__main__"}
        top = {name.split(".")[0] for name in sys.modules}
        print(sorted(top - sys.stdlib_module_names - own))
        """
    )

    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys\nsys.path.insert(0, {str(run.ROOT)!r})\n{code}",
        ],
        capture_output=True,
        text=True,
    )

    assert done.stdout == "[]\n", done.stderr


LOCK = """\
apple==1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:ab
pear-tree==2.0 ; python_full_version < '3.12' \\
    --hash=sha256:ba
pear-tree==3.0 ; python_full_version >= '3.12' \\
    --hash=sha256:bb
"""


def test_versions_and_hashes_are_those_of_the_lock():
    """For the Python of the other machine, not for this one."""
    new = pack.pinned(LOCK, ["pear-tree"], "3.12")
    old = pack.pinned(LOCK, ["apple", "pear-tree"], "3.11")

    assert new == "pear-tree==3.0 \\\n    --hash=sha256:bb\n"
    assert old.count("--hash") == 3
    assert "pear-tree==2.0" in old
    with pytest.raises(ValueError, match="not in the lock: plum"):
        pack.pinned(LOCK, ["plum"], "3.12")


def test_every_need_of_a_page_is_in_the_lock():
    """The roots, with all that they need, can be packed as they are."""
    there = {*pack.THERE, *pack.NOT_NEEDED}
    lock = (pack.ROOT / "requirements.lock").read_text()

    names = pack.needs(pack.ROOTS, there, "3.12")
    pins = pack.pinned(lock, names, "3.12")

    assert {"nbformat", "ipython", "pyzmq", "matplotlib"} <= set(names)
    assert not there & set(names)
    assert not any(name.startswith(("torch", "nvidia")) for name in names)
    assert pins.count("==") == len(names)


def test_what_is_there_is_not_carried_nor_what_it_needs(tmp_path):
    """Named one by one, or in the listing of pip freeze."""
    listing = tmp_path / "freeze.txt"
    listing.write_text("IPykernel==7.0\nfilelock @ file:///x\n# comment\n")

    there = pack.names_there([str(listing), "Pandas"])

    assert {"ipykernel", "filelock", "pandas"} <= there
    found = pack.needs(["ipykernel", "nbformat", "pandas"], there, "3.12")
    assert "nbformat" in found
    assert not {"ipykernel", "ipython", "pandas"} & set(found)


def test_packages_are_found_by_what_the_code_imports():
    """By the name of the distribution, which is not that of the module."""
    code = "import skimage.data, d2l\nif 1:\n    from sklearn import (\n svm)"

    assert pack.imported(code) == {"scikit-image", "scikit-learn"}


def test_data_sets_are_found_by_what_the_code_asks_for(monkeypatch, tmp_path):
    """All files of a set; what is not asked for stays here."""
    from d2l import fetch

    monkeypatch.setattr(fetch, "file", lambda name: tmp_path / name)

    found = pack.data_files("train, test = d2l.data.fashion_mnist(256)")
    one = pack.data_files("d2l.fetch.file('time_machine')")

    assert len(found) == 4
    assert all(path.name.startswith("fashion_mnist_") for path in found)
    assert one == [tmp_path / "time_machine"]
    assert pack.data_files("import time\ntrain = 1") == []


def test_what_an_earlier_chapter_packed_is_gone(tmp_path, monkeypatch):
    """The folder holds what this one needs."""
    write(tmp_path, "01-a", "import d2l")
    (tmp_path / "requirements.lock").touch()
    (tmp_path / ".gpu").mkdir()
    (tmp_path / ".gpu" / "old.whl").touch()
    monkeypatch.setattr(pack, "pinned", lambda *_: "")
    monkeypatch.setattr(pack, "download", lambda *_: None)

    assert pack.main(5, "3.12", [], root=tmp_path) == 0

    assert [p.name for p in (tmp_path / ".gpu").iterdir()] == ["data.tar.xz"]


def test_too_much_to_travel_fails_and_names_the_largest(tmp_path, capsys):
    """A little less passes."""
    (tmp_path / "wheels").mkdir()
    for name, size in (("wheels/big.whl", 3), ("small.xz", 1)):
        (tmp_path / name).write_bytes(bytes(size * 2**20))

    assert pack.report(tmp_path, limit=4) == 0
    assert "2 files, 4.0 MiB" in capsys.readouterr().out
    assert pack.report(tmp_path, limit=3.99) == 1
    message = capsys.readouterr().err
    assert message.index("big.whl") < message.index("small.xz")


def test_the_command_line_has_two_halves(monkeypatch, tmp_path):
    """What is asked for reaches them."""
    seen = []

    def packed(**given):
        seen.append(given)
        return 0

    def ran(**given):
        seen.append(given)
        return 1

    monkeypatch.setattr(pack, "main", packed)
    monkeypatch.setattr(run, "main", ran)

    first = command_line.main(["pack", "--chapter", "5", "--there", "numpy"])
    second = command_line.main(
        ["run", "--chapter", "5", "--out", str(tmp_path), "--only", "5.5"]
    )

    assert (first, second) == (0, 1)
    assert seen == [
        {"chapter": 5, "python": "3.12", "there": ["numpy"]},
        {
            "chapter": 5,
            "out": tmp_path,
            "minutes": 9.0,
            "only": ["5.5"],
            "scale": "full",
            "bench": False,
        },
    ]
