r"""A small network learns the score of points in the plane, a few steps at a time, beside the exact answer.

    L(theta) = E || v - v_theta(x_t, t) ||^2 / D,   v = alpha eps - sigma x_0
    least    = E || v - E[v | x_t] ||^2 / D = E [ || x_0 - E[x_0 | x_t] ||^2 / sigma^2 ] / D      the loss of the truth
    score    = -eps_hat / sigma,   eps_hat = sigma x_t + alpha v_hat

No network can get below the least loss: it is what x_t does not say about x_0. Points come from a mixture of
Gaussians, so the truth is known; one's own drawing is a mixture too, a Gaussian in each cell that was drawn.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np
import torch

from pedesis.denoiser import Denoiser, NetworkDenoiser
from pedesis.lessons.sampling import Points, single
from pedesis.lessons.schedules import Values, process
from pedesis.losses import Loss
from pedesis.nn import MLP
from pedesis.theory.exact import Mixture, MixtureDenoiser
from pedesis.training import ArrayBatches, TrainConfig, TrainState, fit
from pedesis.utils.noise import fixed_seed, gaussian_noise, generator

SCHEDULE = "cosine"
POINTS, BATCH = 4096, 128
CONFIG = TrainConfig(batch=BATCH, learning_rate=4e-3, warmup=20, ema_power=6.94)

SIDE, CELL = 20, 0.25
"""A drawing has SIDE x SIDE cells around the origin, each CELL wide."""


class Training:
    """A run that goes on when it is asked to: `advance`, look, `advance`.

    Args:
        data: a mixture of Gaussians in the plane, float64.
        seed: of the points, the network's first weights and the noise.
    """

    def __init__(self, data: Mixture, seed: int = 0):
        self.exact = MixtureDenoiser(data, process(SCHEDULE))
        uniform = torch.rand(POINTS, generator=generator(seed, 1), dtype=torch.float64)
        drawn = data.sample(POINTS, gaussian_noise(seed, 2), uniform)[0]  # no stream that noises these points
        with fixed_seed(seed):  # the first weights are drawn by the layers themselves
            network = MLP(width=64, layers=3)
        self._denoiser = NetworkDenoiser(
            network, self.exact.process, parameterization="v", data_std=drawn.square().mean().sqrt().item()
        )
        batches = ArrayBatches(drawn.float(), None, BATCH, seed)
        self._steps = fit(self._denoiser, batches, Loss("v"), CONFIG)
        self._state: TrainState[NetworkDenoiser] | None = None
        self.points: Points = drawn.numpy()
        self.losses: list[float] = []

    @property
    def step(self) -> int:
        """Steps that were taken."""
        return len(self.losses)

    def advance(self, steps: int) -> None:
        """Train for so many steps more."""
        for _ in range(steps):
            self._state = next(self._steps)
            self.losses.append(self._state.loss)

    def learned(self) -> Denoiser:
        """What was learned so far: the average of the last weights, as a denoiser that takes float64."""
        return single(self._denoiser if self._state is None else self._state.ema_model())

    @cached_property
    def least(self) -> float:
        """The loss of the exact denoiser, the least that there is, over as many draws as there are points."""
        x0 = torch.as_tensor(self.points)
        t = (torch.arange(len(x0), dtype=torch.float64) + 0.5) / len(x0)
        law = self.exact.process.marginal(x0, t)
        found = self.exact.x0(law.sample(gaussian_noise(0)), t)
        return float(((x0 - found).square() / law.var).mean())


def smoothed(losses: list[float], width: int = 20) -> tuple[Values, Values]:
    """Steps and the means of `width` losses in turn that end there; the last may be of fewer."""
    ends = np.append(np.arange(width, len(losses), width), len(losses)) if losses else np.array([], int)
    means = [np.mean(losses[max(0, end - 1) // width * width : end]) for end in ends.tolist()]
    return ends.astype(float), np.array(means)


# -- one's own drawing --------------------------------------------------------------------------------------


def centers() -> Points:
    """The centers of all cells, (SIDE^2, 2), row by row from below."""
    axis = (np.arange(SIDE) - (SIDE - 1) / 2) * CELL
    x, y = np.meshgrid(axis, axis)
    return np.stack([x.ravel(), y.ravel()], 1)


def drawn(cells: Iterable[int]) -> Mixture:
    """Equal round Gaussians, half a cell wide, in the cells of a drawing. Raises ValueError for an empty one."""
    chosen = sorted(set(cells))
    if not chosen:
        raise ValueError("there are no points to learn from: draw at least one")
    means = torch.as_tensor(centers()[chosen])
    covs = (CELL / 2) ** 2 * torch.eye(2, dtype=torch.float64)
    return Mixture(torch.ones(len(chosen), dtype=torch.float64), means, covs.expand(len(chosen), 2, 2))


def word(cells: Iterable[int]) -> str:
    """A drawing as a word that a link can carry: bit i of a hexadecimal number is cell i."""
    number = sum(1 << cell for cell in set(cells))
    return f"{number:x}" if number else ""


def cells(word: str) -> frozenset[int]:
    """The drawing that a word stands for. Raises ValueError for a word that is none."""
    try:
        number = int(word or "0", 16)
    except ValueError:
        number = -1
    if not 0 <= number < 1 << SIDE**2:
        raise ValueError("the drawing in this link cannot be read; draw it again")
    return frozenset(i for i in range(SIDE**2) if number >> i & 1)
