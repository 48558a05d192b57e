"""Which device computes: the one that is asked for, or the best there is.

"auto" is the first of cuda, mps and cpu that this machine has. Nothing else in the library looks for devices: tensors
are made where the tensors or the weights are that they meet.

A GPU works behind the program, which waits for it only where it asks for a number or for a copy to be done. A walk
asks for nothing: what it needs from the CPU is sent (`sent`), and a condition is looked at once (`looked_at`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

AUTO = "auto"


def available_devices() -> list[str]:
    """The devices of this machine, the one that "auto" takes first; "cpu" is always the last."""
    found = ["cuda"] if torch.cuda.is_available() else []
    found += [f"cuda:{i}" for i in range(torch.cuda.device_count())] if found else []
    found += ["mps"] if torch.backends.mps.is_available() else []
    return [*found, "cpu"]


def find_device(wanted: str | torch.device = AUTO) -> torch.device:
    """The device of a name: "auto", or one of `available_devices`.

    Raises:
        ValueError: a device that this machine does not have; it names those that it has.
    """
    found, name = available_devices(), str(wanted).strip().lower()
    if name == AUTO:
        return torch.device(found[0])
    if name not in found:
        raise ValueError(f"this machine has no device {str(wanted)!r}; it has {', '.join(found)} ({AUTO}: {found[0]})")
    return torch.device(name)


def announced(wanted: str | torch.device, device: torch.device) -> str | None:
    """One sentence that says which device "auto" took; None where the user has named it, or there is no choice."""
    if str(wanted).strip().lower() != AUTO or available_devices() == ["cpu"]:
        return None
    name = f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else str(device)
    return f"computing on {name}, the best device of this machine; --device takes another"


def to_device(value: Tensor, device: torch.device, dtype: torch.dtype | None = None) -> Tensor:
    """`value` on a device, in another type if one is given; the program does not wait for what leaves the CPU."""
    ahead = value.device.type == "cpu" and device.type not in ("cpu", "mps")  # to mps, such copies have come out wrong
    return value.to(device=device, dtype=dtype or value.dtype, non_blocking=ahead)


_values_checked: ContextVar[bool] = ContextVar("values_checked", default=False)


@contextmanager
def values_checked(already: bool = True) -> Iterator[None]:
    """Context in which the values of conditions on another device than the CPU are known and not asked for again."""
    token = _values_checked.set(already)
    try:
        yield
    finally:
        _values_checked.reset(token)


def needs_check(value: Tensor) -> bool:
    """Whether the values of a condition are to be checked."""
    return value.device.type == "cpu" or not _values_checked.get()
