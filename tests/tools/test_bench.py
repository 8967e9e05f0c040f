"""The bench: what it measures, and when it says that a target is missed."""

from types import SimpleNamespace

import pytest
import torch

from tools import bench


def test_the_speed_is_that_of_the_median_run(monkeypatch):
    """Both sides run by turns, and neither is always the first."""
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

    row = bench.Row("x", lambda *_: (usual, ours), 28, 8, 3, 4.0)

    assert row.measure() == (8.0, 2.0)
    assert runs[2:] == ["ours", "usual", "usual", "ours", "ours", "usual"]
    assert asked == [1, 1, 3, 1, 1, 3, 3, 1]


def test_every_way_of_loading_and_training_has_a_row():
    """At three sizes, two networks, and against the bare loop."""
    rows = bench.rows(1000, "cpu")

    assert [row.what for row in rows] == [
        "batches of 28 x 28",
        "batches of 96 x 96",
        "batches of 224 x 224",
        "steps of LeNet, 28 x 28",
        "steps of ResNet-18, 32 x 32",
        "an epoch of LeNet",
    ]
    assert {row.num_images for row in rows} == {1000}


def test_a_gpu_has_rows_of_its_own():
    """Whole epochs on the device, beside the rows of the processor."""
    here, there = (
        [row.what for row in bench.rows(1000, device)]
        for device in ("cpu", "cuda")
    )

    assert set(there) - set(here) == {
        "an epoch of LeNet on cuda",
        "ResNet-18, 96 x 96, on cuda",
    }


def test_words_choose_rows(monkeypatch, capsys):
    """What is not asked for is not measured; a missed target is a failure."""
    measured = []

    class Fake(bench.Row):
        def measure(self):
            measured.append(self.what)
            return 4.0, float(self.size)

    def row(what, ours):
        return Fake(what, lambda *_: (print, print), ours, 1, 1, 1.0)

    monkeypatch.setattr(
        bench, "rows", lambda *_: [row("red hat", 8), row("shoe", 1)]
    )

    assert bench.main(["hat"]) == 0
    assert measured == ["red hat"]
    assert "   2.00x     1.00x  ok\n" in capsys.readouterr().out
    assert bench.main([]) == 1
    shown = capsys.readouterr().out
    assert "   0.25x     1.00x  MISSED\n" in shown
    assert "missed: shoe\n" in shown


@pytest.mark.parametrize("size", [28, 40])
def test_both_loaders_serve_the_same_pictures(monkeypatch, size):
    """Prepared one by one, or a batch at a time."""
    monkeypatch.setattr(bench, "NUM_WORKERS", 0)
    ours = bench.our_loader(size, 16, "cpu")

    usual = bench.usual_loader(ours, size)

    ((X, y),), ((X_usual, y_usual),) = ours, usual
    order, usual_order = (p.sum((1, 2, 3)).argsort() for p in (X, X_usual))
    # The usual way rounds to bytes after it resizes.
    torch.testing.assert_close(
        X[order], X_usual[usual_order], rtol=0, atol=1.1 / 255
    )
    assert torch.equal(y[order], y_usual[usual_order])


@pytest.mark.parametrize("way", [bench.usual_epoch, bench.bare_epoch])
def test_both_sides_of_a_row_see_every_picture(monkeypatch, way):
    """Each side runs as it is timed, on the sizes of its row."""
    monkeypatch.setattr(bench, "NUM_WORKERS", 0)
    seen = []

    class Spy(torch.nn.Linear):
        def forward(self, X):
            if self.training:
                seen.append(tuple(X.shape))
            return super().forward(X.flatten(1))

    sides = bench.learning(lambda: Spy(28 * 28, 10), way, 28, 16, "cpu")

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
