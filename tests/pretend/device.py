"""A double of a GPU: it computes on the CPU and has a device of its own.

A wrapper around CPU tensors says ``cuda:0`` or ``mps:0`` and refuses what
such a device refuses; one mode for the whole process makes and moves them.
What it models and what not: ``docs/decisions/0010-a-pretended-accelerator``.
"""

# PyTorch's types do not foresee tensors that say where they are not.
# mypy: disable-error-code="arg-type, assignment, attr-defined, override"
# mypy: disable-error-code="method-assign, var-annotated"

import contextlib
import copy
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
import torch._dynamo  # imports of these must not meet the double
import torch.optim
import torch.utils.checkpoint
import torch.utils.data
from torch import Tensor, nn
from torch.nn.parameter import UninitializedTensorMixin, is_lazy
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map

POISON = 2**62 - 1  # what an integer is that has not arrived
_aten = torch.ops.aten
_MIXED = {_aten.copy_, _aten._to_copy, _aten.index, _aten.index_put_}
_MIXED |= {
    _aten.index_put,
    _aten._index_put_impl_,
    _aten._pack_padded_sequence,
}
# What the host must wait for.
_WAITS = {_aten._local_scalar_dense, _aten.nonzero, _aten.equal}
_WAITS |= {_aten.masked_select, _aten._unique2, _aten.unique_dim}
_WAITS |= {_aten.unique_consecutive, _aten.bincount, _aten.is_nonzero}
_CONVOLUTIONS = {_aten.convolution, _aten.convolution_backward}


class Fault(Exception):
    """What a real device would not do."""


class Mixed(Fault, RuntimeError):
    """Tensors, or generators, of two devices in one operation."""


class Refused(Fault, TypeError):
    """A type, or a conversion, that the device does not have."""


class _State:
    """The device that is pretended now, and what was seen of it."""

    kind = "cuda"
    waits = 0
    pending: list[tuple[Tensor, Tensor]] = []  # noqa: RUF012

    @classmethod
    def wait(cls) -> None:
        """Count that the host waited: copies under way have arrived."""
        cls.waits += 1
        for early, true in cls.pending:
            early.data.copy_(true)
        cls.pending.clear()


def _ours(device: Any) -> bool:
    return isinstance(device, int) or torch.device(device).type == _State.kind


def _checked(tensor: Tensor) -> Tensor:
    if _State.kind == "mps" and tensor.dtype in (
        torch.float64,
        torch.complex128,
    ):
        raise Refused(
            "Cannot convert a MPS Tensor to float64 dtype as the MPS "
            "framework doesn't support float64. Please use float32 instead."
        )
    return tensor


class _There(Tensor):
    """A tensor that says it is on the device; ``here`` is on the CPU."""

    here: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls: type, inner: Tensor) -> Any:
        _checked(inner)
        self = Tensor._make_wrapper_subclass(
            cls,
            inner.shape,
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            layout=inner.layout,
            device="cpu",
        )
        self.here = inner.detach()
        return self

    device = property(lambda self: torch.device(_State.kind, 0))
    is_cpu = property(lambda self: False)
    is_cuda = property(lambda self: _State.kind == "cuda")
    is_mps = property(lambda self: _State.kind == "mps")

    def get_device(self) -> int:
        return 0

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        return ["here"], None

    @staticmethod
    def __tensor_unflatten__(parts: Any, *rest: Any) -> "_There":
        return _There(parts["here"])

    def __repr__(self, **options: Any) -> str:
        _State.wait()
        text = repr(self.here).removesuffix(")")
        return f"{text}, device='{self.device}')"

    def __format__(self, spec: str) -> str:
        return format(self.item() if self.ndim == 0 else repr(self), spec)

    def __deepcopy__(self, memo: dict[int, Any]) -> "_There":
        if id(self) not in memo:
            twin = _There(self.here.clone())
            twin.requires_grad_(self.requires_grad)
            twin.__dict__ |= copy.copy(
                {k: v for k, v in self.__dict__.items() if k != "here"}
            )
            if self.grad is not None:
                twin.grad = copy.deepcopy(self.grad, memo)
            memo[id(self)] = twin
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> Any:
        _State.wait()
        here = self.here.detach()
        if isinstance(self, nn.Parameter):
            here = nn.Parameter(here, self.requires_grad)
        return here.__reduce_ex__(protocol)

    @classmethod
    def __torch_dispatch__(
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        op = func.overloadpacket
        _refuse_mixed(func, args, kwargs)
        here, options = tree_map(_inner, (args, kwargs))
        if op in _WAITS or (
            op in (_aten.index, _aten.index_put, _aten.index_put_)
            and any(
                isinstance(i, Tensor) and i.dtype in (torch.bool, torch.uint8)
                for i in args[1]
            )
        ):
            _State.wait()
        if op in _CONVOLUTIONS and _is_tf32():
            here = tree_map(_rounded, here)
        if op is _aten.copy_ and not isinstance(args[0], _There):
            return _arrive(args[0], here[1], *args[2:], **kwargs)
        out = tree_map(_wrapped, func(*here, **options))
        return return_and_correct_aliasing(func, args, kwargs, out)


def _inner(thing: Any) -> Any:
    return thing.here if isinstance(thing, _There) else thing


def _wrapped(thing: Any) -> Any:
    if isinstance(thing, Tensor) and not isinstance(thing, _There):
        return _There(thing)
    return thing


def _refuse_mixed(func: Any, args: Any, kwargs: Any) -> None:
    if func.overloadpacket in _MIXED:
        return
    for thing in tree_leaves((args, kwargs)):
        if not isinstance(thing, Tensor) or isinstance(thing, _There):
            continue
        is_target = thing is args[0] and func._schema.is_mutable
        if thing.ndim or is_target:
            raise Mixed(
                "Expected all tensors to be on the same device, but found "
                f"at least two devices, {_State.kind}:0 and cpu! ({func})"
            )


def _is_tf32() -> bool:
    return (
        _State.kind == "cuda"
        and torch.cuda.get_device_capability() >= (8, 0)
        and torch.backends.cudnn.allow_tf32
    )


def _rounded(thing: Any) -> Any:
    """Keep ten bits, as tensor cores do with the inputs of convolutions."""
    if not isinstance(thing, Tensor) or thing.dtype != torch.float32:
        return thing
    bits = thing.view(torch.int32)
    return ((bits + 0x1000) & ~0x1FFF).view(torch.float32)


def _arrive(
    target: Tensor, source: Tensor, non_blocking: bool = False
) -> Tensor:
    """Copy to the host; what is not waited for comes as poison first."""
    if not non_blocking:
        _State.wait()
        return target.data.copy_(source)
    is_number = target.is_floating_point() or target.is_complex()
    _State.pending.append((target, source.clone()))
    target.data.fill_(float("nan") if is_number else 0)
    if not is_number and target.dtype == torch.int64:
        target.data.fill_(POISON)
    return target


class _ToThere(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, here: Tensor) -> Any:
        return _There(here.detach().clone())

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return _inner(grad).clone()


class _ToHere(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, there: Any, non_blocking: bool) -> Any:
        target = torch.empty_like(there.here)
        return _arrive(target, there.here, non_blocking)

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return _wrapped(grad.clone()), None


def _move(x: Any, *args: Any, **kwargs: Any) -> Any:
    """Stand in for ``Tensor.to``."""
    other = kwargs.pop("other", args[0] if args else None)
    must_copy = {"copy": True} if kwargs.pop("copy", False) else {}
    if isinstance(other, Tensor):
        args, kwargs = (other.device, other.dtype, *args[1:]), kwargs
    device, dtype, early, layout = torch._C._nn._parse_to(*args, **kwargs)
    options: dict[str, Any] = {"dtype": dtype or x.dtype, **must_copy}
    if layout is not None:
        options["memory_format"] = layout
    if device is None or _ours(device) == _is(x):
        place = {} if device is None or _is(x) else {"device": device}
        return x.to(**place, **options)
    if not _is(x):
        return _ToThere.apply(x.to(**options))
    if dtype is not None and dtype != x.dtype:
        _checked(torch.empty(0, dtype=dtype))
    return _ToHere.apply(x, early).to(device, **options)


def _to_numpy(x: Any, *args: Any, **kwargs: Any) -> Any:
    if isinstance(x, _There):
        raise Refused(
            f"can't convert {x.device} device type tensor to numpy. Use "
            "Tensor.cpu() to copy the tensor to host memory first."
        )
    return Tensor.numpy(x, *args, **kwargs)


def _to_array(x: Any, *args: Any, **kwargs: Any) -> Any:
    return x.__array__(*args, **kwargs) if not _is(x) else _to_numpy(x)


def _is(x: Any) -> bool:
    return isinstance(x, _There)


def _to_list(x: Any) -> Any:
    if _is(x):
        _State.wait()
    return _inner(x).tolist()


def _set_data(x: Any, value: Any) -> None:
    Tensor.data.__set__(x, value)
    if _is(x):
        x.here = value.here


def _backward(
    x: Any,
    gradient: Any = None,
    retain_graph: Any = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    with _Mode():  # what hooks and recomputation call is seen, too
        torch.autograd.backward(
            x, gradient, retain_graph, create_graph, inputs=inputs
        )


_METHODS: dict[Any, Callable[..., Any]] = {
    Tensor.to: _move,
    Tensor.cpu: lambda x, *a, **k: _move(x, "cpu", *a, **k),
    Tensor.cuda: lambda x, *a, **k: _move(x, _State.kind),
    Tensor.numpy: _to_numpy,
    Tensor.__array__: _to_array,
    Tensor.tolist: _to_list,
    Tensor.backward: _backward,
    Tensor.pin_memory: lambda x, *a, **k: x,
    Tensor.data_ptr: lambda x: _inner(x).data_ptr(),
    Tensor.untyped_storage: lambda x: _inner(x).untyped_storage(),
    Tensor.data.__set__: _set_data,
}


class _Mode(TorchFunctionMode):
    """Makes tensors on the device and moves them, in this whole process."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        tensors = [*args[:1], *kwargs.values()]
        if any(isinstance(t, UninitializedTensorMixin) for t in tensors):
            return _ask_lazy(func, args, kwargs)
        if func in _METHODS:
            return _METHODS[func](*args, **kwargs)
        device = kwargs.get("device")
        is_there = any(map(_is, args)) if device is None else _ours(device)
        generator = kwargs.get("generator")
        if generator is not None and _ours(generator.device) != is_there:
            raise Mixed(
                f"Expected a '{_State.kind if is_there else 'cpu'}' device "
                f"type for generator but found '{generator.device.type}'"
            )
        if device is None:
            return func(*args, **kwargs)
        taken = func in (torch.as_tensor, torch.asarray)
        if taken and args and isinstance(args[0], Tensor):
            return _move(args[0], device, kwargs.get("dtype", args[0].dtype))
        if is_there:
            kwargs["device"] = "cpu"
        learns = kwargs.pop("requires_grad", False)
        made = func(*tree_map(_inner, args), **kwargs)
        made = _wrapped(made) if is_there else made
        return made.requires_grad_() if learns else made


def _ask_lazy(func: Any, args: Any, kwargs: Any) -> Any:
    """Answer for a parameter that has no shape, but a device already."""
    x: Any = args[0] if args else None
    if func in (Tensor.to, Tensor.cuda, Tensor.cpu):
        target = {Tensor.cuda: _State.kind, Tensor.cpu: "cpu"}.get(func)
        if func is Tensor.to:
            target = torch._C._nn._parse_to(*args[1:], **kwargs)[0]
        if target is not None and torch.device(target).type == "meta":
            return func(*args, **kwargs)  # which ends its laziness
        x.is_there = x.is_there if target is None else _ours(target)
        return x
    found = func(*args, **kwargs)
    if not getattr(x, "is_there", False):
        return found
    if func == Tensor.device.__get__:
        return torch.device(_State.kind, 0)
    if func == Tensor.data.__get__:
        return _There(torch.empty(0, dtype=found.dtype))
    return found


def _make_lazy(real: Any) -> Callable[..., Any]:
    def new(
        cls: type,
        learns: Any = None,
        device: Any = None,
        *rest: Any,
        **more: Any,
    ) -> Any:
        device = torch.empty(0).device if device is None else device
        is_there = _ours(device)
        place = "cpu" if is_there else device
        learns = real.__defaults__[0] if learns is None else learns
        x = real(cls, learns, place, *rest, **more)
        x.is_there = is_there
        return x

    return new


def _materialize(real: Callable[..., None]) -> Callable[..., None]:
    def materialize(
        x: Any, shape: Any, device: Any = None, dtype: Any = None
    ) -> None:
        device = x.device if device is None else device
        if not _ours(device):
            return real(x, shape, device, dtype)
        real(x, shape, "cpu", dtype)
        there: Any = _There(x.data)
        if isinstance(x, nn.Parameter):
            there = nn.Parameter(there, x.requires_grad)
        torch.utils.swap_tensors(x, there)

    return materialize


def _module_to(real: Callable[..., Any]) -> Callable[..., Any]:
    """Keep parameters the same objects when they move, as real ones do."""

    def to(module: Any, *args: Any, **kwargs: Any) -> Any:
        device, dtype, _, layout = torch._C._nn._parse_to(*args, **kwargs)
        if device is None:
            return real(module, *args, **kwargs)
        held = [*module.parameters(), *module.buffers()]
        move = [t for t in held if is_lazy(t) or _is(t) != _ours(device)]
        if not move and dtype is None and layout is None:
            return module
        before = torch.__future__.get_swap_module_params_on_conversion()
        swap = torch.__future__.set_swap_module_params_on_conversion
        swap(any(map(_is, move)))
        try:
            return real(module, *args, **kwargs)
        finally:
            swap(before)

    return to


class _Generator(torch._C.Generator):
    def __new__(cls, device: Any = "cpu") -> Any:
        self = super().__new__(cls)
        self.place = torch.device(_State.kind, 0) if _ours(device) else None
        return self

    def __init__(self, device: Any = "cpu") -> None:
        super().__init__()

    @property
    def device(self) -> torch.device:
        return self.place or torch.device("cpu")


class _Event:
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
    def record(self, *args: Any) -> None: ...
    def query(self) -> bool:
        return True

    def synchronize(self) -> None:
        _State.wait()

    def elapsed_time(self, end: Any) -> float:
        return 1.0


class _Autocast(torch.amp.autocast_mode.autocast):
    def __init__(self, device_type: str, *args: Any, **kwargs: Any) -> None:
        here = "cpu" if device_type == _State.kind else device_type
        super().__init__(here, *args, **kwargs)


class Accelerator:
    """The pretended device, while it is entered.

    Args:
        kind: ``cuda`` or ``mps``.
        capability: Of a CUDA device; bfloat16 and TF32 begin with (8, 0).

    Attributes:
        device: What its tensors say.
    """

    def __init__(
        self, kind: str, capability: tuple[int, int] = (8, 0)
    ) -> None:
        self.kind = kind
        self.capability = capability
        self.device = torch.device(kind, 0)
        self._open = contextlib.ExitStack()

    @property
    def waits(self) -> int:
        """How often the host has waited for the device."""
        return _State.waits

    def __enter__(self) -> "Accelerator":
        from d2l import _session

        _State.kind, _State.waits = self.kind, 0
        _State.pending.clear()
        for owner, name, value in self._patches():
            patch = mock.patch.object(owner, name, value)
            self._open.enter_context(patch)
        self._open.enter_context(_Mode())
        _session.accelerator.cache_clear()
        self._open.callback(_session.accelerator.cache_clear)
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def _patches(self) -> Iterator[tuple[Any, str, Any]]:
        """Give everything of PyTorch that knows what devices there are."""
        is_cuda = self.kind == "cuda"

        def waits(*args: Any) -> None:
            _State.wait()

        def has_mps() -> bool:
            return not is_cuda

        has_mps.__wrapped__ = has_mps
        yield torch.cuda, "is_available", lambda: is_cuda
        yield torch.backends.mps, "is_available", has_mps
        yield torch.backends.mps, "is_built", has_mps
        yield torch.cuda, "is_initialized", lambda: is_cuda
        yield torch.cuda, "is_current_stream_capturing", lambda: False
        yield torch.cuda, "Event", _Event
        yield torch.cuda, "get_device_name", lambda *a: "a pretended GPU"
        yield torch.cuda, "set_device", lambda *a: None
        yield torch.cuda, "get_device_capability", lambda *a: self.capability
        yield torch.cuda, "device_count", lambda: int(is_cuda)
        yield torch.accelerator, "device_count", lambda: 1
        yield torch.cuda, "current_device", lambda: 0
        for module in (torch.cuda, torch.mps, torch.accelerator):
            yield module, "synchronize", waits
        for module in (torch.cuda, torch.mps):
            yield module, "get_rng_state", lambda *a: torch.get_rng_state()
            yield (
                module,
                "set_rng_state",
                lambda state, *a: torch.set_rng_state(state),
            )
        yield torch.cuda, "get_rng_state_all", lambda: [torch.get_rng_state()]
        yield torch.accelerator, "is_available", lambda: True
        yield (
            torch.accelerator,
            "current_accelerator",
            lambda *a, **k: torch.device(self.kind),
        )
        yield torch.accelerator, "current_device_index", lambda: 0
        for name in ("memory_allocated", "memory_reserved"):
            yield torch.accelerator, name, lambda *a: 0
        yield (
            torch.accelerator,
            "device_index",
            lambda *a: contextlib.nullcontext(),
        )
        stream = SimpleNamespace(is_capturing=lambda: False)
        yield torch.accelerator, "current_stream", lambda *a: stream
        yield torch, "Generator", _Generator
        yield torch, "autocast", _Autocast
        enabled = torch.is_autocast_enabled
        yield (
            torch,
            "is_autocast_enabled",
            lambda kind="cpu": enabled("cpu" if kind == self.kind else kind),
        )
        yield torch, "load", _load(torch.load)
        yield nn.Module, "to", _module_to(nn.Module.to)
        yield nn.Module, "cpu", lambda net: net.to("cpu")
        yield nn.Module, "cuda", lambda net, *a: net.to(self.kind)
        yield (
            UninitializedTensorMixin,
            "materialize",
            _materialize(UninitializedTensorMixin.materialize),
        )
        for lazy in (nn.UninitializedParameter, nn.UninitializedBuffer):
            yield lazy, "__new__", _make_lazy(lazy.__new__)
        pin = torch.utils.data._utils.pin_memory
        yield pin, "pin_memory", lambda data, *a: data


def _load(real: Callable[..., Any]) -> Callable[..., Any]:
    def load(*args: Any, map_location: Any = None, **kwargs: Any) -> Any:
        if not isinstance(map_location, str | torch.device):
            return real(*args, map_location=map_location, **kwargs)
        if not _ours(map_location):
            return real(*args, map_location=map_location, **kwargs)
        held = real(*args, map_location="cpu", **kwargs)
        return tree_map(_wrapped, held)

    return load
