r"""Writes docs/scaling.md: what a run costs on many GPUs, and what limits it. `make scaling` runs it; --check compares.

    step on N GPUs   =  compute + sum
    compute          =  FLOPs of training * pictures of a GPU / rate        rate: a share of the GPU's peak
    sum              =  2 (N - 1)/N * 4 bytes * parameters / link           ring all-reduce of float32 gradients
    memory           =  20 bytes * parameters + saved activations * pictures at once

The counts are of `scaling_counts`. What a GPU can do is its maker's; the price of an hour is an assumption.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from scaling_counts import CIFAR, GPU, H100, IMAGENET, Counted, counted, of_song_or_adm

from pedesis.utils.noise import TrainingNoise
from pedesis_zoo.models.registry import recipe

OUT = Path(__file__).parent / "scaling.md"
NUMBERS = (1, 8, 64, 512)
PRICE = 3.0  # dollars for a GPU and hour: an assumption
STATE = 20  # bytes a parameter: float32 weight, gradient, two moments of Adam, average
HOST = 8  # GPUs of one host
ADAPTER = 50e9  # bytes/s of each GPU's adapter to other hosts: 400 Gb/s, as in a DGX H100

DRAWN = 3e7
"""Numbers a second that `python docs/write_scaling.py --noise` gave on one thread of an AMD EPYC, to one digit."""


@dataclass(frozen=True)
class Plan:
    """A recipe of the zoo with what was counted on it."""

    name: str
    side: int
    classes: int

    @property
    def counted(self) -> Counted:
        return counted({**recipe(self.name).network, "classes": self.classes}, 3, self.side)

    @property
    def batch(self) -> int:
        return int(recipe(self.name).training["batch"])

    @property
    def steps(self) -> int:
        return int(recipe(self.name).training["steps"])


PLANS = (Plan("cifar-10", 32, 10), Plan("imagenet-64", 64, 1000))


def roofline(of: Counted, gpu: GPU) -> float:
    """Seconds a picture at best, if no operations are fused: products at the peak, or bytes at the memory's rate."""
    return max(of.training / gpu.rate, of.moved / gpu.bandwidth)


def sum_seconds(parameters: int, gpus: int, gpu: GPU) -> float:
    """A ring all-reduce of float32 gradients, without its latency: in a host by its links, and beyond by as many rings
    as a host has adapters."""
    link = gpu.link if gpus <= HOST else min(gpu.link, HOST * ADAPTER)
    return 2 * (gpus - 1) / gpus * 4 * parameters / link


def step_seconds(plan: Plan, of: Counted, gpus: int, picture: float) -> tuple[float, float]:
    """(compute, sum) of a step; the GPU with most pictures counts."""
    return -(-plan.batch // gpus) * picture, sum_seconds(of.parameters, gpus, H100)


def at_once(of: Counted, gpu: GPU) -> int:
    """Pictures whose activations fit beside the state, with a tenth of the memory left."""
    return int((0.9 * gpu.memory - STATE * of.parameters) / of.saved)


def noise_rate(side: int = 64, rows: int = 64) -> float:
    """Normal numbers that this machine draws in a second for training: each picture has a generator of its own."""
    start, like = time.perf_counter(), torch.empty(rows, 3, side, side)
    for step in range(20):
        TrainingNoise(0, step, rows)(like)
    return 20 * like.numel() / (time.perf_counter() - start)


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def document() -> str:
    """The whole of docs/scaling.md."""
    found = {plan: plan.counted for plan in PLANS}
    parts = [
        "# Scaling",
        """What the two recipes for large GPUs would take, before anybody has trained them. Written by
`make scaling` (`python docs/write_scaling.py`); do not edit. FLOPs, parameters and bytes are counted on the
networks themselves, a multiplication and an addition being two; what a GPU can do is what its maker says.
Nothing here was measured on a GPU.""",
        "## Counted",
        _counts(found),
        """Moved is what operations read and write in training if none are fused. On an H100 it takes
longer than the products, so that the memory's rate, not arithmetic, is the limit of eager execution; compiling
fuses.""",
        "## Checked against public runs",
        _checked(),
        f"""Both are EDM's, from the README of https://github.com/NVlabs/edm, where times are rounded;
their networks are counted from their shapes, and the parameters agree with those published. A share above 1 is
possible in float32: 3x3 convolutions can be computed with up to 2.25 times fewer products (Lavin and Gray
2016). The plans below take the other share, {IMAGENET.share():.3f}, as what is cautious. Of EDM2 the
pictures and batches are public (https://github.com/NVlabs/edm2, `train_edm2.py`); its times were not at hand,
and are not compared.""",
        "## Hours and cost",
        f"""A run of the recipe on H100s. Cautious: at EDM's share of the peak. Best: the larger of the times
of products and of moved bytes. The cost is that of the cautious time, at {PRICE:g} dollars for a GPU and hour, an
assumption. Gradients are summed after they are computed, in a host of {HOST} at {H100.link / 1e9:g} GB/s,
beyond at {HOST * ADAPTER / 1e9:g}; what a message costs however short it is, is not counted, and neither is a
GPU that few pictures cannot fill.""",
        *(_plan(plan, of) for plan, of in found.items()),
        "## Where the limit is",
        *_limits(found),
    ]
    return "\n\n".join(part if part[0] in "#|" or "\n\n" in part else folded(part) for part in parts) + "\n"


def folded(text: str) -> str:
    """A paragraph in lines of at most 120 characters."""
    return textwrap.fill(" ".join(text.split()), 120, break_long_words=False, break_on_hyphens=False)


def _counts(found: dict[Plan, Counted]) -> str:
    head = [
        "recipe",
        "parameters",
        "GFLOP forward",
        "GFLOP in training",
        "saved MB",
        "moved MB",
        "H100: products, moved",
    ]
    rows = [
        [
            plan.name,
            f"{of.parameters / 1e6:.1f} M",
            f"{of.forward / 1e9:.1f}",
            f"{of.training / 1e9:.1f}",
            f"{of.saved / 1e6:.1f}",
            f"{of.moved / 1e6:.0f}",
            f"{1e6 * of.training / H100.rate:.0f} us, {1e6 * of.moved / H100.bandwidth:.0f} us",
        ]
        for plan, of in found.items()
    ]
    return "For one picture, in bfloat16:\n\n" + table(head, rows)


def _checked() -> str:
    head = ["run", "GFLOP forward", "parameters, published", "pictures", "GPUs", "days", "share of the peak"]
    rows = []
    for run in (CIFAR, IMAGENET):
        flops, parameters = of_song_or_adm(*run.shape)
        rows.append(
            [
                run.name,
                f"{flops / 1e9:.1f}",
                f"{parameters / 1e6:.1f} M, {run.parameters} M",
                f"{run.pictures / 1e6:,.0f} M",
                f"{run.gpus} {run.gpu.name}",
                f"{run.days}",
                f"{run.share():.3f}",
            ]
        )
    return table(head, rows)


def _plan(plan: Plan, of: Counted) -> str:
    head = [
        "GPUs",
        "pictures each",
        "hours, cautious",
        "hours, best",
        "cost, cautious",
        "share of summing: cautious, best",
    ]
    rows, sure = [], of.training / (IMAGENET.share() * H100.rate)
    for gpus in NUMBERS:
        (slow, add), (fast, _) = (step_seconds(plan, of, gpus, each) for each in (sure, roofline(of, H100)))
        hours, best = (plan.steps * (each + add) / 3600 for each in (slow, fast))
        shares = f"{add / (slow + add):.1%}, {add / (fast + add):.1%}"
        cost = f"${hours * gpus * PRICE:,.0f}"
        rows.append([f"{gpus}", f"{-(-plan.batch // gpus)}", f"{hours:,.1f}", f"{best:,.1f}", cost, shares])
    seen = plan.batch * plan.steps
    return f"**{plan.name}**: {seen / 1e6:,.0f} million pictures, {plan.batch} a step\n\n{table(head, rows)}"


def _limits(found: dict[Plan, Counted]) -> Iterator[str]:
    for plan, of in found.items():
        fit, numbers = at_once(of, H100), 3 * plan.side**2
        rates = (IMAGENET.share() * H100.rate / of.training, 1 / roofline(of, H100))
        sure, best = (f"{rate:,.0f}" for rate in rates)
        low, high = (f"{rate * numbers / 1e6:.0f}" for rate in rates)
        more = " to ".join(f"{rate * numbers / DRAWN:.0%}" for rate in rates)
        inside, over = (f"{1e3 * sum_seconds(of.parameters, gpus, H100):.1f} ms" for gpus in (HOST, 64))
        yield f"""**{plan.name}.** *Memory:* {STATE} bytes a parameter are {STATE * of.parameters / 1e9:.1f} GB,
and beside them {fit:,} pictures fit at once; one GPU takes `--accumulate {-(-plan.batch // fit)}`. *Network:*
gradients are {4 * of.parameters / 1e6:.0f} MB a step, {inside} in a host and {over} over hosts. *Input:* {sure} to
{best} pictures a second and GPU are {low} to {high} MB/s of pixels, which is little, and as many million numbers of
noise. A thread draws {DRAWN / 1e6:.0f} million a second (`python docs/write_scaling.py --noise`), and draws them before
the step, not beside it: that adds {more} to its time, and is the first limit of all."""
    largest = 0.9 * H100.memory / STATE
    yield f"""**FSDP** is the next step where the state of a network alone fills a GPU: from
{largest / 1e9:.1f} billion parameters on, {largest / found[PLANS[-1]].parameters:.0f} times those of
imagenet-64. Below, it only costs messages."""
    yield "**A latent space** is the next step where pixels cost more than can be paid. The network of imagenet-64:"
    head, rows = ["side", "GFLOP forward", "of a latent 8 times smaller, 4 channels", "times"], []
    network = {**recipe("imagenet-64").network, "classes": 1000}
    for side in (64, 128, 256, 512):
        pixels, latent = (counted(network, *shape).forward for shape in ((3, side), (4, side // 8)))
        rows.append([f"{side}", f"{pixels / 1e9:,.0f}", f"{latent / 1e9:,.1f}", f"{pixels / latent:.0f}"])
    yield table(head, rows)
    yield "At 64 such a latent is 8x8, and a decoder has more to draw than the network; at 512 it is 64x64."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only say whether the document is as it would be written")
    parser.add_argument("--noise", action="store_true", help="how many numbers of noise this machine draws a second")
    options = parser.parse_args()
    if options.noise:
        print(f"{noise_rate() / 1e6:.0f} million numbers a second on {torch.get_num_threads()} threads")
        return
    text = document()
    if not options.check:
        OUT.write_text(text)
    elif OUT.read_text() != text:
        sys.exit(f"{OUT} is not what is counted now: python docs/write_scaling.py writes it")


if __name__ == "__main__":
    main()
