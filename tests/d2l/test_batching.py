"""Batches from memory: each sample once, in an order that can be repeated."""

import itertools
import types

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import d2l
from d2l import _session, batching
from d2l.batching import Batches

sizes = st.integers(1, 60)


def _epoch(batches):
    """Return one epoch, batches put together again, tensor by tensor."""
    return tuple(torch.cat(column) for column in zip(*batches, strict=True))


def _shuffled(num=30, **options):
    """Return numbers in batches of four, mixed anew in every epoch."""
    return Batches(torch.arange(num), batch_size=4, shuffle=True, **options)


@given(
    num=sizes,
    batch_size=sizes,
    shuffle=st.booleans(),
    seed=st.integers(0, 2**40),
    epochs=st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_every_sample_comes_once_per_epoch(
    num, batch_size, shuffle, seed, epochs
):
    """Nothing is lost, doubled or torn apart; sizes and ``len`` agree."""
    x = torch.arange(num)
    loader = Batches(x, -x, batch_size=batch_size, shuffle=shuffle, seed=seed)

    for _ in range(epochs):
        parts = list(loader)
        left, right = _epoch(parts)

        assert sorted(left.tolist()) == x.tolist()
        assert torch.equal(right, -left)
        full, rest = divmod(num, batch_size)
        assert [len(a) for a, _ in parts] == [batch_size] * full + (
            [rest] if rest else []
        )
        assert len(loader) == len(parts)


@given(num=sizes, limit=sizes, batch_size=sizes)
@settings(max_examples=40, deadline=None)
def test_a_limit_keeps_the_first_samples(num, limit, batch_size):
    """With a limit the rest does not exist; a large limit changes nothing."""
    x = torch.arange(num)

    loader = Batches(x, batch_size=batch_size, limit=limit)

    (seen,) = _epoch(loader)
    assert torch.equal(seen, x[:limit])
    assert loader.num_samples == min(num, limit)


def test_each_epoch_has_its_own_order_and_each_run_the_same():
    """Three orders differ; a second run, and only its seed, repeats them."""

    def three_epochs(seed):
        loader = Batches(
            torch.arange(50), batch_size=8, shuffle=True, seed=seed
        )
        return [_epoch(loader)[0].tolist() for _ in range(3)]

    orders = three_epochs(seed=5)

    assert orders[0] != orders[1] != orders[2] != orders[0]
    assert three_epochs(seed=5) == orders
    assert three_epochs(seed=6)[0] not in orders
    assert three_epochs(seed=6) != orders[1:] + orders[:1]


def test_without_shuffling_the_order_is_that_of_the_tensors():
    """Every epoch is the same."""
    loader = Batches(torch.arange(20), batch_size=6)

    assert _epoch(loader)[0].tolist() == list(range(20))
    assert _epoch(loader)[0].tolist() == list(range(20))


def test_two_loops_at_once_do_not_disturb_each_other():
    """Interleaved epochs are the epochs that run one after the other."""

    def loader():
        return Batches(torch.arange(30), batch_size=4, shuffle=True, seed=1)

    together = loader()
    first, second = zip(*zip(together, together, strict=True), strict=True)

    one_by_one = loader()
    assert torch.equal(_epoch(first)[0], _epoch(one_by_one)[0])
    assert torch.equal(_epoch(second)[0], _epoch(one_by_one)[0])


def test_an_epoch_counts_from_its_start_not_from_its_end():
    """A loop that was left early used up its order."""
    left_early, whole = (
        Batches(torch.arange(30), batch_size=4, shuffle=True) for _ in range(2)
    )

    next(iter(left_early))
    list(whole)

    assert torch.equal(_epoch(left_early)[0], _epoch(whole)[0])


def test_the_orders_do_not_come_from_the_global_generator():
    """Seeding a model does not change the data, nor the other way round."""
    loader = Batches(torch.arange(30), batch_size=4, shuffle=True)
    before = torch.get_rng_state()

    list(loader)

    assert torch.equal(torch.get_rng_state(), before)


def test_batches_live_on_the_device_asked_for():
    """The tensors are moved once, and so every batch is there."""
    loader = Batches(
        torch.arange(5), torch.rand(5), batch_size=2, device="meta"
    )

    assert {t.device.type for t in loader.tensors} == {"meta"}
    assert all(t.device.type == "meta" for batch in loader for t in batch)


@pytest.mark.parametrize("number", [0, -3, 2.5, "8", None])
def test_a_batch_holds_at_least_one_sample(number):
    """The message shows what was given."""
    with pytest.raises(ValueError, match=f"batch_size is {number!r}"):
        Batches(torch.arange(5), batch_size=number)


def test_a_seed_is_not_negative():
    """The orders are drawn from numbers that are not."""
    with pytest.raises(ValueError, match="seed is -1"):
        Batches(torch.arange(5), batch_size=2, seed=-1)


def test_tensors_of_different_lengths_are_refused():
    """The message lists the lengths."""
    with pytest.raises(ValueError, match=r"lengths \[5, 4\]"):
        Batches(torch.zeros(5, 2), torch.zeros(4), batch_size=2)


@pytest.mark.parametrize("tensors", [(), (torch.zeros(0, 3),)])
def test_no_samples_are_refused(tensors):
    """Neither no tensor nor an empty one makes an epoch."""
    with pytest.raises(ValueError, match="at least one"):
        Batches(*tensors, batch_size=2)


@pytest.mark.parametrize("bad", [[1, 2, 3], torch.tensor(3.0)])
def test_what_has_no_rows_is_refused(bad):
    """A list is not a tensor, and a single number has no samples."""
    with pytest.raises(TypeError, match="argument 2"):
        Batches(torch.zeros(3), bad, batch_size=2)


@pytest.mark.parametrize("shuffle", [False, True])
def test_changing_a_batch_does_not_change_the_set(shuffle):
    """Batches are copies, in order too."""
    x = torch.arange(6.0)
    loader = Batches(x, batch_size=2, shuffle=shuffle)

    for (part,) in loader:
        part.fill_(-1)

    assert torch.equal(x, torch.arange(6.0))


def test_pages_reach_batches_through_the_data():
    """Two names, one thing."""
    assert d2l.data.batches is d2l.data.Batches is Batches


def test_an_epoch_can_be_named():
    """Whoever says which epoch comes next need not know what came before."""
    walked, told = _shuffled(), _shuffled()
    third = [_epoch(walked) for _ in range(3)][2][0]

    told.set_epoch(2)

    assert torch.equal(_epoch(told)[0], third)
    assert torch.equal(_epoch(told)[0], _epoch(walked)[0])


@pytest.mark.parametrize("epoch", [-1, 0.5])
def test_an_epoch_is_counted_from_0(epoch):
    """The order could not be drawn."""
    with pytest.raises(ValueError, match=r"epoch is .*number, 0 or more"):
        _shuffled().set_epoch(epoch)


def test_measuring_takes_all_samples_as_they_are_stored():
    """In order, the rest too, and the epochs go on as if nothing was."""
    left_alone, measured = (_shuffled(drop_last=True) for _ in range(2))

    found = list(measured.in_order())

    assert torch.cat([x for (x,) in found]).tolist() == list(range(30))
    assert [len(x) for (x,) in found] == [4] * 7 + [2]
    assert torch.equal(_epoch(measured)[0], _epoch(left_alone)[0])


@given(num=sizes, size=sizes, shuffle=st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_batch_that_is_not_full_can_be_left_out(num, size, shuffle):
    """Only full ones come, as many as ``len`` says; none at all is refused."""
    options = {"batch_size": size, "shuffle": shuffle, "drop_last": True}
    if num < size:
        with pytest.raises(ValueError, match=f"{num} samples fill no batch"):
            Batches(torch.arange(num), **options)
        return
    loader = Batches(torch.arange(num), **options)

    parts = [len(x) for (x,) in loader]

    assert parts == [size] * (num // size)
    assert len(loader) == len(parts)


def test_only_the_first_tensor_is_prepared():
    """Inputs change, targets do not."""
    x = torch.arange(4)
    loader = Batches(x, x, batch_size=2, prepare=lambda rows: rows * 10)

    left, right = _epoch(loader)

    assert left.tolist() == [0, 10, 20, 30]
    assert right.tolist() == [0, 1, 2, 3]


def _noisy(seed=0, **options):
    """Return zeros that random numbers are added to, batch by batch."""
    return Batches(
        torch.zeros(6, 2),
        batch_size=3,
        seed=seed,
        prepare=lambda rows: rows + torch.rand_like(rows),
        **options,
    )


def test_what_prepare_draws_depends_on_seed_epoch_and_batch():
    """Every batch has its own numbers, and every run the same."""
    drawn = {}
    for seed, epoch in itertools.product((0, 1), (0, 1)):
        loader = _noisy(seed=seed)
        loader.set_epoch(epoch)
        for number, (rows,) in enumerate(loader):
            drawn[seed, epoch, number] = tuple(rows.flatten().tolist())

    again = _noisy(seed=1)
    torch.manual_seed(99)
    repeated = [tuple(rows.flatten().tolist()) for (rows,) in again]

    assert len(set(drawn.values())) == 8
    assert repeated == [drawn[1, 0, 0], drawn[1, 0, 1]]


def test_measuring_draws_the_same_every_time():
    """The numbers of epoch 0, whichever epoch it is."""
    loader = _noisy()
    first = _epoch(loader)[0]
    list(loader)

    assert torch.equal(_epoch(loader.in_order())[0], first)


def test_what_prepare_draws_takes_nothing_from_outside():
    """A look at augmented pictures does not change the next weights."""
    before = torch.get_rng_state()

    list(_noisy())

    assert torch.equal(torch.get_rng_state(), before)


def test_the_numbers_outside_are_put_back_after_an_error():
    """Also when preparing fails."""

    def broken(rows):
        torch.rand(3)
        raise RuntimeError("no")

    before = torch.get_rng_state()
    with pytest.raises(RuntimeError, match="no"):
        list(Batches(torch.zeros(2), batch_size=1, prepare=broken))

    assert torch.equal(torch.get_rng_state(), before)


def test_a_device_draws_from_the_key_too(monkeypatch):
    """Its own numbers are set for a batch, and put back behind it."""
    log = []
    device = types.SimpleNamespace(
        get_rng_state=lambda of: "outside",
        set_rng_state=lambda state, of: log.append((state, of)),
    )
    monkeypatch.setattr(batching, "_random_numbers_of", lambda of: device)

    list(_noisy())

    cpu = torch.device("cpu")
    states = [state for state, _ in log]
    assert [of for _, of in log] == [cpu] * 4
    assert [state == "outside" for state in states[1::2]] == [True, True]
    assert not torch.equal(states[0], states[2])


@pytest.mark.parametrize(
    ("kind", "in_use", "expected"),
    [
        ("cuda", True, torch.cuda),
        ("cuda", False, None),
        ("mps", True, torch.mps),
        ("mps", False, None),
        ("cpu", True, None),
    ],
)
def test_devices_in_use_have_numbers_of_their_own(
    kind, in_use, expected, monkeypatch
):
    """One that was never used has drawn nothing that could be lost."""
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: in_use)
    monkeypatch.setattr(torch.backends.mps, "is_built", lambda: in_use)

    assert batching._random_numbers_of(torch.device(kind)) is expected


def test_a_seed_can_be_shifted_for_a_whole_run(monkeypatch):
    """``D2L_SEED`` repeats a page with other orders."""
    shifted = _epoch(_shuffled(seed=3))[0]

    monkeypatch.setenv("D2L_SEED", "2")
    _session.forget()

    assert torch.equal(_epoch(_shuffled(seed=1))[0], shifted)


def test_a_batch_size_from_numpy_is_a_number():
    """Whatever counts as a whole number."""
    np = pytest.importorskip("numpy")

    assert len(Batches(torch.arange(5), batch_size=np.int64(2))) == 3


def test_the_text_of_batches_tells_their_sizes():
    """How many, how large, of how many samples."""
    text = repr(Batches(torch.arange(10), batch_size=4))

    assert text == "Batches(3 of 4, 10 samples)"
