"""Does it pay to sum gradients while backward still computes? Both ways in turns, in several processes.

    torchrun --nproc-per-node 2 benchmarks/overlap.py        on CPUs by gloo, on GPUs by nccl

after        all gradients, in flat buckets, when backward has ended: what `pedesis.training` does
meanwhile    a bucket as soon as its last gradient is there, by hooks, and all are waited for at the end
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import torch.distributed as dist
from torch import Tensor, nn

from pedesis.utils.distributed import add, first, world
from pedesis.utils.launch import ranks
from pedesis.utils.noise import fixed_seed, gaussian_noise
from pedesis_zoo.models.registry import recipe
from pedesis_zoo.models.weights import build

Step = Callable[[], None]


def after(parameters: list[Tensor], backward: Step) -> None:
    """Sum what backward has left."""
    backward()
    add([p.grad for p in parameters if p.grad is not None])


class Meanwhile:
    """Buckets of gradients in the order in which backward comes to them, summed in the background."""

    def __init__(self, parameters: list[Tensor], elements: int):
        self.buckets: list[list[Tensor]] = [[]]
        for parameter in reversed(parameters):
            if self.buckets[-1] and sum(each.numel() for each in self.buckets[-1]) + parameter.numel() > elements:
                self.buckets.append([])
            self.buckets[-1].append(parameter)
            bucket = self.buckets[-1]
            parameter.register_post_accumulate_grad_hook(lambda _, bucket=bucket: self.arrived(bucket))
        self.waiting: list[tuple[list[Tensor], Tensor, dist.Work]] = []
        self.there: dict[int, int] = {}
        self.on = False

    def arrived(self, bucket: list[Tensor]) -> None:
        self.there[id(bucket)] = self.there.get(id(bucket), 0) + 1
        if self.on and self.there[id(bucket)] == len(bucket):
            flat = torch.cat([p.grad.reshape(-1) for p in bucket if p.grad is not None])
            work = dist.all_reduce(flat, async_op=True)
            assert work is not None
            self.waiting.append((bucket, flat, work))

    def __call__(self, parameters: list[Tensor], backward: Step) -> None:
        self.there, self.on = {}, True
        backward()
        for bucket, flat, work in self.waiting:
            work.wait()
            for p, total in zip(bucket, flat.split([p.numel() for p in bucket]), strict=True):
                assert p.grad is not None
                p.grad.copy_(total.view_as(p.grad))
        self.waiting, self.on = [], False


def timed(way: Callable[[list[Tensor], Step], None], model: nn.Module, parameters: list[Tensor], x: Tensor) -> float:
    """Seconds of a forward and backward pass with its sum."""
    model.zero_grad(set_to_none=True)
    log_snr, labels = torch.zeros(len(x), device=x.device), torch.zeros(len(x), dtype=torch.int64, device=x.device)
    dist.barrier()
    start = time.perf_counter()
    way(parameters, lambda: model(x, log_snr, labels).square().mean().backward())
    if x.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=32, help="pictures of each process")
    parser.add_argument("--rounds", type=int, default=15, help="how often each way is taken")
    parser.add_argument("--elements", type=int, default=1 << 20, help="numbers of a bucket that is summed meanwhile")
    options = parser.parse_args()
    with ranks():
        device = "cuda" if torch.cuda.is_available() else "cpu"
        known = recipe("fashion-mnist")
        spec = {"network": {**known.network, "channels": 1, "classes": 10}, "process": known.process}
        model = build("image", {**spec, "parameterization": {"name": "v"}, "data_std": 1.0}).to(device).network
        assert isinstance(model, nn.Module)
        with fixed_seed(1), torch.no_grad():
            for p in model.parameters():
                p.add_(0.01 * torch.randn(p.shape).to(device))
        x = gaussian_noise(dist.get_rank() if dist.is_initialized() else 0)(torch.empty(options.batch, 1, 28, 28))
        x, parameters = x.to(device), list(model.parameters())
        if world() == 1:
            raise SystemExit("start it in several processes: torchrun --nproc-per-node 2 benchmarks/overlap.py")
        ways = {"after": after, "meanwhile": Meanwhile(parameters, options.elements)}
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        gradients = {}
        for turn in range(options.rounds + 1):
            for name, way in ways.items():
                took = timed(way, model, parameters, x)
                gradients[name] = torch.cat([p.grad.reshape(-1) for p in parameters if p.grad is not None])
                seconds[name] += [took] * (turn > 0)
        assert torch.equal(*gradients.values())
        if first():
            ratios = [one / other for one, other in zip(*seconds.values(), strict=True)]
            low, middle, high = (statistics.quantiles(ratios, n=10)[i] for i in (0, 4, 8))
            for name, each in seconds.items():
                print(f"{name:<10} {1e3 * statistics.median(each):.0f} ms a step")
            print(f"after / meanwhile: {middle:.2f} ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
