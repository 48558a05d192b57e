"""d) How far our network is from what this machine can do.

The limit is the best rate of one matrix product and of one 3x3 convolution, over sizes, types and memory layouts.
"""

from __future__ import annotations

from typing import Any

import torch
from measure import Work, rate, summary
from subjects import Asked, Subject, batch, pedesis
from throughput import Setting, best, sampling, training
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

Found = dict[str, Any]


def matrix_product(size: int, dtype: torch.dtype) -> Work:
    """A square product; counts operations."""
    a, b = torch.randn(2, size, size).to(dtype)

    def multiply() -> float:
        torch.mm(a, b)
        return 2.0 * size**3

    return multiply


def convolution(channels: int, side: int, dtype: torch.dtype, layout: torch.memory_format) -> Work:
    """A 3x3 convolution of 64 pictures; counts operations."""
    layer = nn.Conv2d(channels, channels, 3, padding=1).to(dtype).to(memory_format=layout).requires_grad_(False)
    x = torch.randn(64, channels, side, side).to(dtype).contiguous(memory_format=layout)

    def convolve() -> float:
        layer(x)
        return 2.0 * 64 * side**2 * 9 * channels**2

    return convolve


def limits(quick: bool = False) -> dict[str, Found]:
    """The best GFLOP/s of either kind, and where it was found."""
    types, layouts = (torch.float32, torch.bfloat16), (torch.contiguous_format, torch.channels_last)
    products = {
        f"{size}x{size}, {_short(dtype)}": matrix_product(size, dtype)
        for dtype in types
        for size in ((128,) if quick else (1024, 2048, 4096))
    }
    convolutions = {
        f"{channels} channels at {side}x{side}, {_short(dtype)}, {_short(layout)}": convolution(
            channels, side, dtype, layout
        )
        for dtype in types
        for layout in layouts
        for channels, side in (((16, 8),) if quick else ((128, 28), (128, 14), (256, 14), (256, 7)))
    }
    return {"matrix product": _fastest(products, quick), "convolution": _fastest(convolutions, quick)}


def _fastest(works: dict[str, Work], quick: bool) -> Found:
    seconds, rounds = (0.01, 1) if quick else (0.3, 3)
    found: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(rounds):
        for name, work in works.items():
            found[name].append(rate(work, seconds) / 1e9)
    everything = {name: summary(rates) for name, rates in found.items()}
    name = max(everything, key=lambda n: everything[n]["median"])
    return {"where": name, "GFLOP/s": everything[name], "all": everything}


def _short(value: torch.dtype | torch.memory_format) -> str:
    return str(value).removeprefix("torch.").removesuffix("_format")


def training_gflop(subject: Subject) -> float:
    """10^9 operations of forward and backward for one picture."""
    network: Asked = subject.build().train()  # type: ignore[assignment]
    nn.init.normal_(network.network.network.out.weight)  # a zero layer passes no gradient, but costs the same
    counter = FlopCounterMode(display=False)
    with counter:
        network(*batch(1)).square().mean().backward()
    return counter.get_total_flops() / 1e9


def run(quick: bool = False) -> Found:
    """The limits, and our rates as shares of them."""
    ours = pedesis()
    seconds = 0.01 if quick else 1.0
    gflop = {"training": training_gflop(ours), "sampling": ours.gflop}
    works = {}
    for kind, make in (("training", training), ("sampling", sampling)):
        setting: Setting = best(ours, make, (4,) if quick else (64, 128), seconds / 2)
        works[kind] = (make(ours, setting), str(setting))
        works[kind][0]()
    found = limits(quick)
    shares = {}
    for kind, (work, setting) in works.items():
        rates = [rate(work, seconds) * gflop[kind] for _ in range(1 if quick else 5)]
        shares[kind] = {"setting": setting, "GFLOP/s": summary(rates), "gflop of a picture": gflop[kind]}
        for limit in ("matrix product", "convolution"):
            shares[kind][f"share of {limit}"] = shares[kind]["GFLOP/s"]["median"] / found[limit]["GFLOP/s"]["median"]
    return {"limits": found, "network": shares}
