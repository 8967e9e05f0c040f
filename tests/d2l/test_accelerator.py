"""The package on an accelerator that is only pretended."""

import copy
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from d2l import check, data, layers, plot, runtime, train
from d2l.train import _values
from tests.pretend import Accelerator, Fault
from tests.pretend.device import POISON

Call = Callable[[], object]


def pictures(device: torch.device | str, num: int = 96) -> data.Batches:
    """Pictures of one pixel value each, which is their label."""
    labels = torch.arange(num) % 4
    X = labels.float().reshape(-1, 1, 1, 1).expand(-1, 1, 8, 8) / 4
    return data.Batches(X, labels, batch_size=32, device=device)


def network() -> nn.Module:
    return nn.Sequential(
        nn.LazyConv2d(4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(4)
    )


def fitted(
    model: nn.Module, train_on: data.Batches, **options: object
) -> train.History:
    model(torch.zeros(1, 1, 8, 8))
    settings: dict[str, object] = {
        "loss": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1),
        "epochs": 2,
    }
    return train.fit(model, train_on, **(settings | options))  # type: ignore[arg-type]


# --- the double itself -----------------------------------------------------


def test_device_is_found(accelerator: Accelerator) -> None:
    """`runtime.device` tries the device and takes it."""
    assert runtime.device().type == accelerator.kind
    assert str(torch.ones(1, device=accelerator.kind).device) == (
        f"{accelerator.kind}:0"
    )


@pytest.mark.parametrize(
    "fault",
    [
        lambda x: x + torch.ones(3),
        lambda x: nn.Linear(3, 2)(x),
        lambda x: nn.CrossEntropyLoss()(x[None], torch.tensor([1])),
        lambda x: torch.zeros(()).add_(x.sum()),
        lambda x: x.numpy(),
        lambda x: x.normal_(generator=torch.Generator()),
    ],
    ids=["sum", "layer", "loss", "scalar", "numpy", "generator"],
)
def test_mixed_devices_are_refused(
    accelerator: Accelerator, fault: Callable[[torch.Tensor], object]
) -> None:
    """Tensors of two devices do not meet, and none turns into an array."""
    x = torch.ones(3, device=accelerator.device)
    with pytest.raises(Fault):
        fault(x)


@pytest.mark.parametrize("accelerator", ["mps"], indirect=True)
def test_double_precision_is_refused_on_mps(accelerator: Accelerator) -> None:
    """MPS has no float64, not even on the way out."""
    x = torch.ones(3, device="mps")
    calls: list[Call] = [
        x.double,
        lambda: x.to("cpu", torch.double),
        lambda: torch.ones(3, dtype=torch.float64).to("mps"),
    ]
    for call in calls:
        with pytest.raises(TypeError, match="float64"):
            call()
    assert x.cpu().double().sum() == 3


def test_early_read_of_a_copy_finds_poison(accelerator: Accelerator) -> None:
    """A copy that is not waited for holds nothing until the host waits."""
    x = torch.arange(3, device=accelerator.device)
    early = x.to("cpu", non_blocking=True)
    assert (early == POISON).all()
    runtime._wait_for(accelerator.device)
    assert early.tolist() == [0, 1, 2]


def test_gradients_and_parameters_stay_on_the_device(
    accelerator: Accelerator,
) -> None:
    """A module that moves keeps its parameters, and learns there."""
    net = nn.Linear(3, 1)
    weight = net.weight
    net.to(accelerator.device)
    net(torch.ones(2, 3, device=accelerator.device)).sum().backward()
    assert net.weight is weight
    assert weight.grad is not None
    assert weight.grad.device == accelerator.device
    assert torch.equal(weight.grad.cpu(), torch.full((1, 3), 2.0))
    assert net.to("cpu").weight is weight
    assert weight.device.type == "cpu"


def test_shapes_go_to_meta_from_everywhere(accelerator: Accelerator) -> None:
    """A tensor sent to `meta` keeps its shape and has no device but that."""
    for place in ("cpu", accelerator.device):
        x = torch.zeros(2, 3, device=place).to("meta")
        assert (x.device.type, x.shape) == ("meta", (2, 3))


@pytest.mark.parametrize("place", ["meta", "cpu", "device"])
def test_lazy_layers_are_made_where_they_were_asked_for(
    accelerator: Accelerator, place: str
) -> None:
    """On the device, off it, or where nothing has a value."""
    device = accelerator.device if place == "device" else torch.device(place)
    with device:
        net = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d())
        x = torch.zeros(2, 1, 8, 8)
    for lazy in (net, copy.deepcopy(net[0]), nn.LazyLinear(4, device=device)):
        assert next(lazy.parameters()).device == device
        assert lazy(x).device == device
        held = [*lazy.parameters(), *lazy.buffers()]
        assert {tensor.device for tensor in held} == {device}


# --- the package on it -----------------------------------------------------


def test_check_takes_tensors_of_any_device(accelerator: Accelerator) -> None:
    """Checks compare device tensors with numbers, lists and CPU tensors."""
    x = torch.tensor([1.0, 2.0], device=accelerator.device)
    check.close(x, torch.tensor([1.0, 2.0]))
    check.equal(x, [1.0, 2.0])
    check.equal(x.sum(), 3)
    check.between(x.max(), 1, 3)
    check.claim("the sum", x.sum(), (2, 4))
    with pytest.raises(AssertionError):
        check.close(x, [1.0, 2.1])


def test_plot_takes_tensors_of_the_device(accelerator: Accelerator) -> None:
    """Every kind of figure brings its numbers home by itself."""
    x = torch.linspace(0, 1, 6, device=accelerator.device)
    plot.curves({"a": (x, x.requires_grad_() ** 2)}, xlabel="x", ylabel="y")
    x = x.detach()
    plot.scatter(x, x, xlabel="x", ylabel="y")
    plot.histogram({"a": x}, xlabel="x")
    plot.heatmap(x.reshape(2, 3), xlabel="x", ylabel="y")
    plot.images(x.reshape(2, 1, 3).expand(2, 3, 3))
    plot.bars(["p", "q"], {"a": x[:2]}, xlabel="x", ylabel="y")


def test_data_are_served_on_the_device(accelerator: Accelerator) -> None:
    """Fashion-MNIST and its resized pictures live where they are asked to."""
    train_on, _ = data.fashion_mnist(
        64, resize=32, limit=64, device=accelerator.device
    )
    X, y = next(iter(train_on))
    assert X.device == y.device == accelerator.device
    assert X.shape[2:] == (32, 32)
    assert X.isfinite().all()


def test_pictures_grow_on_the_device_as_on_the_cpu(
    accelerator: Accelerator,
) -> None:
    """Whole matrices are multiplied there; the pixels are the same."""
    images = torch.randint(256, (2, 3, 20, 28), dtype=torch.uint8)
    X = data.to_unit(images.to(accelerator.device), size=40)
    assert X.device == accelerator.device
    check.close(X, data.to_unit(images, size=40), atol=1e-6)


def test_summary_counts_on_the_device(accelerator: Accelerator) -> None:
    """`layers.summary` moves its example inputs to the model."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2)).to(accelerator.device)
    assert layers.summary(net, torch.zeros(1, 2, 2)).multiply_adds == 8


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("where", ["cpu", "device"])
def test_fit_and_evaluate_on_the_device(
    accelerator: Accelerator, fast: bool, where: str
) -> None:
    """A module is trained there, whether the batches are there or not."""
    place = accelerator.device if where == "device" else where
    batches = pictures(place)
    net = network()
    history = fitted(
        net, batches, test=batches, fast=fast, metric_after_epoch=True
    )
    score = train.evaluate(net, batches, fast=fast)
    assert next(net.parameters()).device == accelerator.device
    assert history.test_metric[-1] == history.train_metric[-1] == score
    assert math.isfinite(history.loss[-1])


def test_batches_of_the_device_are_measured_on_the_cpu(
    accelerator: Accelerator,
) -> None:
    """A copy to the CPU is waited for before it is read."""
    here, there = pictures("cpu"), pictures(accelerator.device)
    net = network()
    twin = None
    for batches in (here, there):
        torch.manual_seed(0)
        net = network()
        history = fitted(net, batches, device="cpu")
        found = train.evaluate(net, batches, device="cpu")
        twin = twin or (history.loss, found)
        assert (history.loss, found) == twin


def test_function_learns_where_its_parameters_are(
    accelerator: Accelerator,
) -> None:
    """A function of CPU tensors is not given tensors of the device."""
    for place in ("cpu", accelerator.device):
        w = torch.zeros(64, 4, device=place, requires_grad=True)

        def linear(X: torch.Tensor, w: torch.Tensor = w) -> torch.Tensor:
            return X.flatten(1) @ w

        before = train.evaluate(linear, pictures(place))
        history = train.fit(
            linear,
            pictures(place),
            loss=nn.CrossEntropyLoss(),
            optimizer=torch.optim.SGD([w], lr=0.1),
            epochs=2,
        )
        assert before == 0.25
        assert history.loss[1] < history.loss[0]


def test_numbers_of_every_kind_come_home_at_once(
    accelerator: Accelerator,
) -> None:
    """Losses and counts of the device are waited for once, not by turns."""
    there = accelerator.device
    losses = [torch.tensor(0.5, device=there), torch.tensor(2.0, device=there)]
    counts = [torch.tensor(3, device=there), torch.tensor(5, device=there)]
    before = accelerator.waits

    columns = _values.read(losses, [], [7, 9], counts)

    assert accelerator.waits - before == 1
    assert [c.tolist() for c in columns] == [[0.5, 2], [], [7, 9], [3, 5]]
    assert {c.dtype for c in columns} == {torch.float64}


@pytest.mark.parametrize("where", ["cpu", "device"])
def test_fit_hardly_waits_for_the_device(
    accelerator: Accelerator, where: str
) -> None:
    """In 256 steps the host waits ten times at most."""
    place = accelerator.device if where == "device" else where
    batches = pictures(place, num=256 * 32)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 4))
    before = accelerator.waits
    train.fit(
        net,
        batches,
        loss=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(net.parameters(), lr=0.1),
        epochs=1,
    )
    assert accelerator.waits - before <= 10


def test_states_are_stored_and_read(
    accelerator: Accelerator, tmp_path: Path
) -> None:
    """Parameters go through a file and back, and through a deep copy."""
    net = nn.Linear(3, 2).to(accelerator.device)
    torch.save(net.state_dict(), tmp_path / "net.pt")
    twin = nn.Linear(3, 2).to(accelerator.device)
    twin.load_state_dict(
        torch.load(tmp_path / "net.pt", map_location=accelerator.device)
    )
    check.equal(twin.weight, net.weight)
    check.equal(copy.deepcopy(net).weight, net.weight)
    assert twin.weight.device == accelerator.device


def test_lazy_layers_and_fused_adam(accelerator: Accelerator) -> None:
    """What moves before its first batch is made on the device."""
    net = network().to(accelerator.device)
    X, y = next(iter(pictures(accelerator.device)))
    net(X)
    before = copy.deepcopy(net.state_dict())
    optimizer = torch.optim.Adam(net.parameters(), fused=True)
    nn.functional.cross_entropy(net(X), y).backward()
    optimizer.step()
    for name, value in net.state_dict().items():
        assert value.device == accelerator.device
        assert not torch.equal(value, before[name])
