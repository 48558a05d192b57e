"""A second device for tests on machines that have none: it computes on the CPU, and refuses to be mixed with it.

Tensors there say that they are on "meta". An operation on tensors of both devices is an error, as it is on a GPU, but
for numbers without dimensions; so is reading one as an array. Use it as a context: `with elsewhere() as device: ...`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

HERE, THERE = torch.device("cpu"), torch.device("meta")


class Elsewhere(torch.Tensor):
    """A tensor of the second device; `inner` holds its numbers."""

    inner: torch.Tensor

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> Elsewhere:
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            inner.shape,
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=THERE,
            requires_grad=inner.requires_grad,
        )
        made.inner = inner
        return made

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return f"Elsewhere({self.inner!r})"

    def tolist(self) -> Any:
        return self.inner.tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return run(func, args, kwargs or {})


def run(func: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """One operation, with the rules of two devices."""
    tensors = [leaf for leaf in tree_flatten((args, kwargs))[0] if isinstance(leaf, torch.Tensor)]
    there = [tensor for tensor in tensors if isinstance(tensor, Elsewhere)]
    here = [tensor for tensor in tensors if not isinstance(tensor, Elsewhere) and tensor.ndim > 0]
    if any(not isinstance(tensor, Elsewhere) and tensor.device == THERE for tensor in tensors):
        raise NotImplementedError(f"{func}: a tensor that was made on the second device behind its back")
    name = str(func)
    moving = name.startswith(("aten._to_copy", "aten.copy_"))
    whole = all(tensor.dtype in (torch.bool, torch.int64) for tensor in here)
    indexing = name.startswith("aten.index") and whole  # a GPU takes indices from the CPU
    if there and here and not moving and not indexing:
        shapes = [(tuple(tensor.shape), tensor.device.type) for tensor in tensors]
        raise RuntimeError(f"{name}: tensors of two devices: {shapes}")
    wanted = kwargs.get("device")
    on = torch.device(wanted) if wanted is not None else (THERE if there else HERE)
    if name.startswith("aten.copy_"):
        on = THERE if isinstance(args[0], Elsewhere) else HERE
    plain = tree_map(lambda leaf: leaf.inner if isinstance(leaf, Elsewhere) else leaf, (args, dict(kwargs)))
    if wanted is not None:
        plain[1]["device"] = HERE
    out = func(*plain[0], **plain[1])
    if name.endswith(("_.default", "_.Scalar", "_.Tensor")):  # in place: what came
        return args[0]
    return tree_map(lambda leaf: Elsewhere(leaf) if isinstance(leaf, torch.Tensor) and on == THERE else leaf, out)


class TwoDevices(TorchDispatchMode):
    """Makes the factories and moves that name the second device go there."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return run(func, args, kwargs or {})


class Built(TorchFunctionMode):
    """`torch.tensor` and `torch.as_tensor` build on the CPU, and then move."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func in (torch.tensor, torch.as_tensor) and kwargs.get("device") == THERE:
            place = kwargs.pop("device")
            return func(*args, **kwargs).to(place)
        return func(*args, **kwargs)


class Waits(TorchDispatchMode):
    """Notes what a program would wait for a GPU for: a number, a copy, or how many rows are true."""

    READING = (
        "aten._local_scalar_dense",
        "aten.nonzero",
        "aten.unique",
        "aten._unique",
        "aten.masked_select",
        "aten.equal",
    )

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, name = dict(kwargs or {}), str(func)
        tensors = [leaf for leaf in tree_flatten((args, kwargs))[0] if isinstance(leaf, torch.Tensor)]
        there = any(isinstance(tensor, Elsewhere) for tensor in tensors)
        masked = name.startswith("aten.index") and any(tensor.dtype == torch.bool for tensor in tensors)
        if there and (name.startswith(self.READING) or masked):
            self.found.append(name)
        if name.startswith("aten._to_copy"):
            self.copied(tensors[0], kwargs.get("device"), kwargs.get("non_blocking", False))
        if name.startswith("aten.copy_"):
            self.copied(tensors[1], tensors[0].device, args[2] if len(args) > 2 else kwargs.get("non_blocking", False))
        return func(*args, **kwargs)

    def copied(self, source: torch.Tensor, to: torch.device | None, ahead: bool) -> None:
        """A copy to the CPU is waited for, and one from it unless it is sent ahead."""
        if to is not None and torch.device(to) != source.device and not (ahead and source.device == HERE):
            self.found.append(f"copy from {source.device} to {to}")


@contextmanager
def elsewhere() -> Iterator[torch.device]:
    """The context in which there is a second device, and its name."""
    before = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        with Built(), TwoDevices():
            yield THERE
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(before)
