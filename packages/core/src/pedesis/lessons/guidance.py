r"""Guidance on two classes in the plane whose every score is known, so that what it does can be seen exactly.

    grad log p_gamma(x_t | y) = grad log p(x_t) + gamma grad log p(y | x_t)     scores add up ...
    p_gamma(x_t | y)          ~ p(x_t) p(y | x_t)^gamma                         ... so densities multiply, at each t

The last line is not the law of the samples: no forward process turns p_gamma(x_0 | y) into these p_gamma(x_t | y),
and a walk along their scores ends elsewhere, further out.

    accuracy    mean of p(y | x_0) over the samples
    recall      share of draws of the class that have a sample within `REACH`
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import torch
from torch import Tensor

from pedesis.denoiser import Denoiser, Prediction
from pedesis.guidance.autoguidance import AutoGuidance
from pedesis.guidance.classifier_free import ClassifierFreeGuidance
from pedesis.guidance.classifier_guidance import ClassifierGuidance
from pedesis.guidance.interval import GuidanceInterval
from pedesis.lessons.plane import axis, density, field
from pedesis.lessons.sampling import Points, distance, spread
from pedesis.lessons.schedules import Values, process
from pedesis.samplers import SAMPLERS
from pedesis.samplers.timesteps import timesteps
from pedesis.theory.exact import Mixture, MixtureDenoiser
from pedesis.utils.noise import gaussian_noise, generator

CLASSES = ("first", "second")
SCALES = tuple(i / 2 for i in range(17))
"""The guidance scales that are compared, 0 to 8."""

MODEL_BLUR = 0.3
"""The blur of the imperfect model that autoguidance improves."""

REACH = 0.2
STEPS, COUNT, FEW, D = 20, 200, 50, torch.float64


@lru_cache
def exact(blur: float = 0.0) -> MixtureDenoiser:
    """The denoiser of both classes, three Gaussians each; `blur` makes a worse model, whose Gaussians are wider."""
    mine = torch.tensor([[-1.2, 0.9], [-0.7, -1.1], [0.2, 0.3]], dtype=D)
    covs = (0.3**2 + blur**2) * torch.eye(2, dtype=D).expand(6, 2, 2)
    both = Mixture(torch.ones(6, dtype=D), torch.cat([mine, -mine]), covs, torch.tensor([0, 0, 0, 1, 1, 1]))
    return MixtureDenoiser(both, process("cosine"))


@lru_cache
def draws(label: int, count: int, seed: int = 0) -> Points:
    """Draws of one class, (count, 2)."""
    both, mine = exact().mixture, exact().mixture.labels == label
    alone = Mixture(both.weights[mine], both.means[mine], both.covs[mine])
    points: Points = alone.sample(count, gaussian_noise(seed), torch.rand(count, generator=generator(seed, 1)))[
        0
    ].numpy()
    return points


# -- at one time --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scores:
    """Scores times sigma_t on the lattice of `x`: (N, N, 2) each, with guided = plain + scale * push."""

    x: Values
    plain: Values
    push: Values
    guided: Values


def scores(label: int, scale: float, t: float, points: int = 11) -> Scores:
    """grad log p(x_t), the push grad log p(y | x_t) and their guided sum at t in (0, 1], all times sigma_t."""
    x, denoiser = axis(points, 2.25), exact()

    def scaled_score(by: Denoiser, x_t: Tensor, wanted: int) -> Tensor:
        prediction: Prediction = by(x_t, t, torch.full((len(x_t),), wanted))
        return -prediction.eps

    plain, conditional = (
        field(partial(scaled_score, denoiser, wanted=-1), x),
        field(partial(scaled_score, denoiser, wanted=label), x),
    )
    return Scores(
        x,
        plain,
        conditional - plain,
        field(partial(scaled_score, ClassifierFreeGuidance(denoiser, scale), wanted=label), x),
    )


@dataclass(frozen=True)
class Densities:
    """On the lattice of `x`, (N, N) each: p(x_t), p(x_t | y), and p(x_t) p(y | x_t)^scale, normalized."""

    x: Values
    both: Values
    mine: Values
    guided: Values


def densities(label: int, scale: float, t: float, points: int = 81) -> Densities:
    """The densities whose scores are those of `scores`; t in [0, 1]."""
    x, denoiser = axis(points), exact()

    def tilted(x_t: Tensor) -> Tensor:
        wanted = torch.full((len(x_t),), label)
        return (denoiser.log_prob(x_t, t) + scale * denoiser.log_class(x_t, t, wanted)).exp()

    guided = field(tilted, x)
    guided = guided / (guided.sum() * (x[1] - x[0]) ** 2)
    return Densities(x, density(denoiser, t, x), density(denoiser, t, x, label), guided)


def classifiers_agree(label: int, scale: float, seed: int = 0) -> tuple[float, float]:
    """Classifier guidance by the exact classifier against classifier-free guidance.

    Returns:
        The largest difference of eps_hat at all points of a walk, and of the samples of two walks.
    """
    denoiser = exact()
    free = ClassifierFreeGuidance(denoiser, scale)
    classifier_guidance = ClassifierGuidance(denoiser, denoiser.log_class, scale)
    wanted = torch.full((FEW,), label)
    times = timesteps(denoiser.process, STEPS)
    start = denoiser.process.prior(torch.zeros(FEW, 2, dtype=D)).sample(gaussian_noise(seed))
    apart = 0.0
    for step in SAMPLERS.build({"name": "ddim"}).trajectory(free, start, times, wanted):
        if step.prediction is not None:
            other = classifier_guidance(step.x_t, step.level.t, wanted)
            apart = max(apart, float((step.prediction.eps - other.eps).abs().max()))
    end = SAMPLERS.build({"name": "ddim"}).sample(classifier_guidance, start, times, wanted)
    return apart, float((step.x_t - end).abs().max())


# -- at the end of the walk ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sweep:
    """Samples under each of `SCALES`, all from the same noise.

    Attributes:
        samples: (S, COUNT, 2). accuracy, recall, distance: (S,), what they are like beside the class itself.
    """

    samples: Values
    accuracy: Values
    recall: Values
    distance: Values


def sweep(label: int, first: float = 0.0, last: float = 1.0, seed: int = 0) -> Sweep:
    """Classifier-free guidance at every scale; above and below `first` <= t <= `last` the condition alone acts.

    Raises:
        ValueError: unless 0 <= first < last <= 1.
    """
    if not 0 <= first < last <= 1:
        raise ValueError(f"guidance acts between two times, 0 <= first < last <= 1; got {first} and {last}")
    denoiser, scale = exact(), _scale_per_row()
    guided: Denoiser = ClassifierFreeGuidance(denoiser, scale)
    if (first, last) != (0, 1):
        low, high = (float(denoiser.process.log_snr(t)) for t in (last, first))
        guided = GuidanceInterval(denoiser, guided, low - 1e-9, high)
    return _sweep(guided, label, seed)


def auto_sweep(label: int, weak_blur: float, seed: int = 0) -> Sweep:
    """An imperfect model (`MODEL_BLUR`) guided away from a worse one: autoguidance at every scale."""
    return _sweep(AutoGuidance(exact(MODEL_BLUR), exact(weak_blur), _scale_per_row()), label, seed)


def recall(samples: Points, truth: Points) -> float:
    """Share of the true points that have a sample within `REACH`."""
    apart = np.linalg.norm(truth[:, None] - samples, axis=-1)
    return float((apart.min(1) <= REACH).mean())


def _scale_per_row() -> Tensor:
    return torch.tensor(SCALES, dtype=D).repeat_interleave(COUNT)


def _sweep(guided: Denoiser, label: int, seed: int) -> Sweep:
    rows = COUNT * len(SCALES)
    start = guided.process.prior(torch.zeros(COUNT, 2, dtype=D)).sample(gaussian_noise(seed)).repeat(len(SCALES), 1)
    times, wanted = timesteps(guided.process, STEPS), torch.full((rows,), label)
    end = SAMPLERS.build({"name": "dpm++2m"}).sample(guided, start, times, wanted)
    samples = end.reshape(len(SCALES), COUNT, 2).numpy()
    accuracy = exact().log_class(end, 0, wanted).exp().reshape(len(SCALES), COUNT).mean(1).numpy()
    truth, aim = draws(label, 400), spread(draws(label, 20_000), COUNT)
    recalls = np.array([recall(each, truth) for each in samples])
    return Sweep(samples, accuracy, recalls, np.array([distance(each, aim) for each in samples]))
