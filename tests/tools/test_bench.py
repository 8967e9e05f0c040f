"""The bench: what it measures, and when it says that a target is missed."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from tools import bench


@pytest.fixture
def stored(tmp_path):
    """A folder with sixteen pictures as torchvision looks for them."""
    images = torch.randint(0, 256, (16, 1, 28, 28), dtype=torch.uint8)
    bench.write_files(tmp_path, images, torch.arange(16) % 10)
    return tmp_path


def test_the_ratio_is_that_of_the_medians(monkeypatch):
    """Both sides run by turns; a row says whether the target is met."""
    runs = []

    def usual():
        runs.append("usual")

    def ours():
        runs.append("ours")

    # The first of each does not count: it says how often to run the side.
    times = {usual: [0.5, 1.0, 9.0, 1.0], ours: [0.1, 4.0, 4.0, 0.5]}
    asked = []

    def seconds(side, *, repeat, warm=1):
        side()
        asked.append(repeat)
        return SimpleNamespace(median=times[side].pop(0))

    monkeypatch.setattr(bench.runtime, "seconds", seconds)

    row = bench.Plan("x", 8, lambda: (usual, ours), 3, 4.0).measure()

    assert runs[2:] == ["ours", "usual", "usual", "ours", "ours", "usual"]
    assert asked == [1, 1, 3, 1, 1, 3, 3, 1]
    assert (row.usual, row.ours, row.ratio) == (8.0, 2.0, 0.25)
    assert "MISSED" in str(row)
    assert " ok" in str(bench.Row("x", 8, 1.0, 4.0, 4))


def test_every_way_of_loading_and_training_has_a_row():
    """At three sizes, two networks, and against the bare loop."""
    plans = list(bench.plans(Path("nowhere"), 1000, torch.device("cpu")))

    assert [plan.what for plan in plans] == [
        "batches of 28 x 28",
        "batches of 96 x 96",
        "batches of 224 x 224",
        "steps of LeNet, 28 x 28",
        "steps of ResNet-18, 32 x 32",
        "an epoch of LeNet",
    ]
    assert {plan.num_images for plan in plans} == {1000}


def test_a_gpu_has_rows_of_its_own():
    """Whole epochs on the device, beside the rows of the processor."""
    here, there = (
        [plan.what for plan in bench.plans(Path("x"), 1000, place)]
        for place in (torch.device("cpu"), torch.device("cuda"))
    )

    assert set(there) - set(here) == {
        "an epoch of LeNet on cuda",
        "ResNet-18, 96 x 96, on cuda",
    }


def test_words_choose_rows(monkeypatch, capsys):
    """What is not asked for is not measured; a missed target is a failure."""
    measured = []

    def fake(what, usual):
        def measure():
            measured.append(what)
            return bench.Row(what, 1, usual, 2.0, 1.0)

        plan = bench.Plan(what, 1, lambda: (print, print), 1, 1.0)
        object.__setattr__(plan, "measure", measure)
        return plan

    monkeypatch.setattr(
        bench, "plans", lambda *_: [fake("red hat", 1.0), fake("shoe", 4.0)]
    )

    assert bench.main(["hat"]) == 0
    assert measured == ["red hat"]
    assert bench.main([]) == 1
    assert "missed: shoe\n" in capsys.readouterr().out


def test_both_sides_of_a_step_see_every_picture(stored, monkeypatch):
    """Each side runs as it is timed, on the sizes of its row."""
    monkeypatch.setattr(bench, "NUM_WORKERS", 0)
    seen = []

    class Spy(torch.nn.Linear):
        def forward(self, X):
            if self.training:
                seen.append(tuple(X.shape))
            return super().forward(X.flatten(1))

    sides = bench.step_sides(stored, lambda: Spy(28 * 28, 10), 28, 16, "cpu")

    for side in sides:
        side()

    assert seen == [(16, 1, 28, 28)] * 2


def test_the_network_of_the_rows_is_lenet():
    """The published one: 61,706 parameters with this many classes."""
    net = bench.lenet()

    assert sum(p.numel() for p in net.parameters()) == 61_706


def test_the_usual_way_learns_the_same_as_fit():
    """The same batches give the same loss, accuracy and parameters."""
    from d2l import train

    X, y = torch.rand(6, 1, 28, 28), torch.tensor([0, 1, 2, 3, 4, 5])
    batches = list(zip(X.split(4), y.split(4), strict=True))
    twins = [bench.lenet(), bench.lenet()]
    twins[1].load_state_dict(twins[0].state_dict())
    slow, fast = (torch.optim.SGD(net.parameters(), lr=0.5) for net in twins)

    loss, accuracy = bench.usual_epoch(twins[0], batches, slow, "cpu")
    history = train.fit(
        twins[1],
        batches,
        loss=torch.nn.CrossEntropyLoss(),
        optimizer=fast,
        epochs=1,
        device="cpu",
    )

    assert [loss] == pytest.approx(history.loss)
    assert [accuracy] == pytest.approx(history.train_metric)
    states = [torch.cat([*map(torch.ravel, t.parameters())]) for t in twins]
    assert torch.equal(*states)
