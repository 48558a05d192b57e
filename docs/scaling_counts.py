r"""What is counted for docs/scaling.md: FLOPs and bytes of networks, by running them on the meta device, which computes
shapes and no numbers; and what others have published, to check them.

    FLOPs     of matrix products and convolutions (torch.utils.flop_counter): a multiplication and an addition are two
    saved     activations that autograd keeps for backward
    moved     what operations read and write, as if none were fused
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten
from torch.utils.flop_counter import FlopCounterMode

from pedesis.nn import NETWORKS

ROWS = 2  # pictures that are counted on
HALF = 2  # bytes of a bfloat16
DAY = 86_400


@dataclass(frozen=True)
class GPU:
    """What its maker says: FLOP/s of dense products, bytes/s of its memory and bytes of it, bytes/s to a neighbor."""

    name: str
    rate: float
    bandwidth: float
    memory: float
    link: float


# NVIDIA's data sheets, of the SXM modules, dense; NVLink is 300, 600 and 900 GB/s there, both ways together
V100 = GPU("V100, float32", 15.7e12, 0.9e12, 32e9, 150e9)
A100 = GPU("A100, 16 bits", 312e12, 2.039e12, 80e9, 300e9)
H100 = GPU("H100, 16 bits", 989.4e12, 3.35e12, 80e9, 450e9)


@dataclass(frozen=True)
class Counted:
    """Of one network, for one picture: FLOPs forward and in training; parameters; bytes in bfloat16."""

    forward: float
    training: float
    parameters: int
    saved: float  # activations that backward needs
    moved: float  # read and written in training, operation by operation


class Moved(TorchDispatchMode):
    """Numbers that operations read and write, as if none were fused; views move nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if not func.is_view:
            leaves = tree_flatten((args, kwargs, out))[0]
            self.numbers += sum(leaf.numel() for leaf in leaves if isinstance(leaf, Tensor))
        return out


@contextmanager
def saving() -> Iterator[dict[int, int]]:
    """Numbers of each storage that autograd keeps for backward."""
    kept: dict[int, Tensor] = {}
    sizes: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = tensor
        sizes[storage._cdata] = storage.nbytes() // tensor.element_size()
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        yield sizes


def counted(network: dict[str, Any], channels: int, side: int) -> Counted:
    """Run a network of the library forward and backward on the meta device."""
    with torch.device("meta"):
        model = NETWORKS.build({**network, "channels": channels})
        x, log_snr = torch.zeros(ROWS, channels, side, side), torch.zeros(ROWS)
        labels = torch.zeros(ROWS, dtype=torch.int64) if network.get("classes") else None
    weights = {p.untyped_storage()._cdata for p in model.parameters()}
    with FlopCounterMode(display=False) as forward, torch.no_grad():
        model(x, log_snr, labels)
    with FlopCounterMode(display=False) as training, Moved() as moved, saving() as sizes:
        out = model(x, log_snr, labels)
        out.sum().backward()
    saved = sum(size for storage, size in sizes.items() if storage not in weights)
    return Counted(
        forward.get_total_flops() / ROWS,
        training.get_total_flops() / ROWS,
        sum(p.numel() for p in model.parameters()),
        HALF * saved / ROWS,
        HALF * moved.numbers / ROWS,
    )


# -- what others have published --------------------------------------------------------------------------------


def of_song_or_adm(
    base: int, multiples: tuple[int, ...], blocks: int, side: int, attending: tuple[int, ...], every: bool
) -> tuple[float, float]:
    """(FLOPs forward of a picture, parameters) of the convolutions and attention of DDPM++ and ADM, by their shapes.

    Args:
        attending: sides with attention; in the decoder after every block there, or after the last one.
    """
    products, weights = 0.0, 0.0
    embedding = 4 * base

    def convolution(seen: int, made: int, size: int, at: int) -> None:
        nonlocal products, weights
        products, weights = products + seen * made * size**2 * at**2, weights + seen * made * size**2 + made

    def block(seen: int, made: int, at: int, look: bool) -> int:
        nonlocal products, weights
        convolution(seen, made, 3, at)
        convolution(made, made, 3, at)
        if seen != made:
            convolution(seen, made, 1, at)
        weights += embedding * made * (2 if every else 1) + made  # the noise level, as scale and shift or as a shift
        if look:
            convolution(made, 4 * made, 1, at)
            products += 2 * made * at**4
        return made

    width, skips = base, [base]
    convolution(3, base, 3, side)
    for level, multiple in enumerate(multiples):
        at = side >> level
        if level:
            skips.append(block(width, width, at, False))
        for _ in range(blocks):
            width = block(width, base * multiple, at, at in attending)
            skips.append(width)
    for level, multiple in reversed(list(enumerate(multiples))):
        at = side >> level
        if level == len(multiples) - 1:
            block(width, width, at, True)
        block(width, width, at, False)
        for i in range(blocks + 1):
            look = at in attending and (every or i == blocks)
            width = block(width + skips.pop(), base * multiple, at, look)
    convolution(width, 3, 3, side)
    weights += base * embedding + embedding**2
    return 2 * products, weights


@dataclass(frozen=True)
class Published:
    """A run whose time is public: https://github.com/NVlabs/edm, README, "Training new models"."""

    name: str
    shape: tuple[Any, ...]
    pictures: float
    gpus: int
    gpu: GPU
    days: float
    parameters: float  # as the paper's table of settings says, in millions

    def share(self) -> float:
        """Of the GPUs' peak that their run has reached."""
        flops = 3 * of_song_or_adm(*self.shape)[0] * self.pictures
        return flops / (self.days * DAY * self.gpus * self.gpu.rate)


CIFAR = Published("CIFAR-10, DDPM++", (128, (2, 2, 2), 4, 32, (16,), False), 200e6, 8, V100, 2, 55.7)
IMAGENET = Published("ImageNet-64, ADM", (192, (1, 2, 3, 4), 3, 64, (32, 16, 8), True), 2500e6, 32, A100, 13, 295.9)
