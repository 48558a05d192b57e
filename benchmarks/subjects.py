"""The networks compared: ours exactly as shipped, and each peer's own U-Net in the shape that its project publishes.

Every subject is a module (x (B, 1, S, S), t (B,) in (0, 1], label (B,)) -> (B, 1, S, S). Only widths are changed, to
find the largest peer that is not larger than ours, in parameters or in floating-point operations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

SIDE, CLASSES = 28, 10


@dataclass(frozen=True)
class Subject:
    """A network to measure.

    Attributes:
        name: of the library. shape: its configuration in words.
        side: of the square it computes; rates and operations are given per 28x28 pixels.
        parameters: their number. gflop: 10^9 operations of one forward pass (two for each multiply-add).
    """

    name: str
    shape: str
    build: Callable[[], nn.Module]
    side: int
    parameters: int
    gflop: float

    @property
    def picture(self) -> float:
        """How many 28x28 pictures one of its pictures counts for."""
        return (self.side / SIDE) ** 2


def describe(name: str, shape: str, build: Callable[[], nn.Module], side: int = SIDE) -> Subject:
    """Build a network once and count it."""
    network = build().eval()
    x, t, label = batch(2, side)  # of one picture, in float32, two are computed
    counter = FlopCounterMode(display=False)
    with counter, sdpa_kernel(SDPBackend.MATH), torch.no_grad():  # other attention kernels are not counted
        network(x, t, label)
    gflop = counter.get_total_flops() / 2e9 * (SIDE / side) ** 2
    return Subject(name, shape, build, side, sum(p.numel() for p in network.parameters()), gflop)


def batch(rows: int, side: int = SIDE) -> tuple[Tensor, Tensor, Tensor]:
    """Noise, times and labels."""
    return torch.randn(rows, 1, side, side), 1 - torch.rand(rows), torch.randint(0, CLASSES, (rows,))


class Asked(nn.Module):
    """A network with the way to ask it."""

    def __init__(self, network: nn.Module, ask: Callable[[nn.Module, Tensor, Tensor, Tensor], Tensor]):
        super().__init__()
        self.network, self.ask = network, ask

    def forward(self, x: Tensor, t: Tensor, label: Tensor) -> Tensor:
        return self.ask(self.network, x, t, label)


def pedesis() -> Subject:
    """Our network, with everything around it that sampling needs (noise level, input scaling)."""
    from pedesis.utils.precision import full_precision
    from pedesis_zoo.models.registry import recipe
    from pedesis_zoo.models.weights import build

    shipped = recipe("fashion-mnist")
    spec = {
        "network": {**shipped.network, "channels": 1, "classes": CLASSES},
        "process": shipped.process,
        "parameterization": {"name": shipped.parameterization},
        "data_std": shipped.data_std,
    }

    def ask(denoiser: nn.Module, x: Tensor, t: Tensor, label: Tensor) -> Tensor:
        with full_precision():  # the measurement chooses the precision, as it does for the peers
            return denoiser.network_output(x, denoiser.process.log_snr(t), label)[0]

    def make() -> nn.Module:
        return Asked(build("image", spec), ask)

    return describe("pedesis", f"as shipped: widths {tuple(shipped.network['widths'])}", make)


def diffusers(wide: bool) -> list[Subject]:
    """UNet2DModel of the diffusion course's class-conditional example: three levels, (w, 2w, 2w), two layers each.

    Args:
        wide: with attention at 14x14 and 7x7, as there; else at 7x7 only, as ours and faster.
    """
    from diffusers import UNet2DModel

    middle = "Attn" if wide else ""

    def make(a: int, b: int, c: int) -> nn.Module:
        network = UNet2DModel(
            sample_size=SIDE,
            in_channels=1,
            out_channels=1,
            layers_per_block=2,
            block_out_channels=(a, b, c),
            down_block_types=("DownBlock2D", f"{middle}DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", f"{middle}UpBlock2D", "UpBlock2D"),
            norm_num_groups=16,
            num_class_embeds=CLASSES,
        )
        return Asked(network, lambda n, x, t, label: n(x, t * 1000, class_labels=label).sample)

    widths = [(a, 2 * a, c) for a in (32, 48, 64) for c in range(2 * a - 16, 2 * a + 49, 16)]
    name = f"diffusers {version('diffusers')}"
    where = "14x14 and 7x7" if wide else "7x7 only"
    return [describe(name, f"widths {w}, attention at {where}", partial(make, *w)) for w in widths]


def azula() -> list[Subject]:
    """azula.nn.unet.UNet with its default shape (w, 2w, 4w), three blocks each; it has no attention."""
    from azula.nn.layers import SineEncoding
    from azula.nn.unet import UNet

    class Embedding(nn.Module):
        def __init__(self, width: int):
            super().__init__()
            self.time = nn.Sequential(SineEncoding(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
            self.label = nn.Embedding(CLASSES + 1, width)

        def forward(self, t: Tensor, label: Tensor) -> Tensor:
            return self.time(t * 1000) + self.label(label)

    def make(w: int) -> nn.Module:
        parts = nn.ModuleDict({"unet": UNet(1, 1, hid_channels=(w, 2 * w, 4 * w), mod_features=128)})
        parts["embedding"] = Embedding(128)
        return Asked(parts, lambda n, x, t, label: n["unet"](x, n["embedding"](t, label)))

    name = f"azula {version('azula')}"
    return [describe(name, f"widths {(w, 2 * w, 4 * w)}", partial(make, w)) for w in range(24, 65, 2)]


def denoising_diffusion(dims: Sequence[int] = range(16, 41, 2)) -> list[Subject]:
    """The conditional U-Net of denoising-diffusion-pytorch in the README's shape (1, 2, 4, 8); it needs 32x32."""
    from denoising_diffusion_pytorch.classifier_free_guidance import Unet

    def make(dim: int) -> nn.Module:
        network = Unet(dim, CLASSES, dim_mults=(1, 2, 4, 8), channels=1)
        return Asked(network, lambda n, x, t, label: n(x, t * 1000, label))

    name = f"denoising-diffusion-pytorch {version('denoising-diffusion-pytorch')}"
    return [describe(name, f"dim {d} x (1, 2, 4, 8), 32x32", partial(make, d), side=32) for d in dims]


PUBLISHED = (64, (1, 1, 2))
"""smalldiffusion's own Fashion-MNIST U-Net."""


def smalldiffusion(shapes: Sequence[tuple[int, tuple[int, ...]]] = ()) -> list[Subject]:
    """smalldiffusion's Fashion-MNIST U-Net, (1, 1, 2) and attention at 14x14; its widths are multiples of 32."""
    from smalldiffusion import CondEmbedderLabel, Scaled, Unet

    def make(ch: int, mult: tuple[int, ...]) -> nn.Module:
        label = CondEmbedderLabel(4 * ch, CLASSES, 0.1)
        network = Scaled(Unet)(SIDE, 1, 1, ch=ch, ch_mult=mult, attn_resolutions=(14,), cond_embed=label)
        return Asked(network, lambda n, x, t, y: n(x, (t * 20).reshape(-1, 1, 1, 1), y))

    name = f"smalldiffusion {version('smalldiffusion')}"
    shapes = shapes or [PUBLISHED, (32, (1, 1, 2)), (32, (1, 2, 2)), (32, (1, 2, 4)), (64, (1, 1, 1)), (64, (1, 2, 2))]
    return [describe(name, f"ch {ch} x {mult}", partial(make, ch, mult)) for ch, mult in shapes]


PEERS: dict[str, Callable[[], list[Subject]]] = {
    "diffusers": partial(diffusers, wide=True),
    "diffusers, less attention": partial(diffusers, wide=False),
    "azula": azula,
    "denoising-diffusion-pytorch": denoising_diffusion,
    "smalldiffusion": smalldiffusion,
}


def largest(candidates: list[Subject], measure: Callable[[Subject], float], limit: float) -> Subject:
    """The largest candidate that is at most 2 % above the limit."""
    return max((c for c in candidates if measure(c) <= 1.02 * limit), key=measure)
