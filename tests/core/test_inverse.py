"""Inverse problems against linear algebra: on Gaussian data E[x_0 | x_t, y] is known for any operator."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from pedesis.denoiser import Condition, Denoiser, Prediction
from pedesis.editing.inpainting import InpaintingDenoiser
from pedesis.editing.inverse_problems import DDNM, MMPS, MeasurementGuided, PiGDM
from pedesis.editing.operators import Blur, Mask, Operator, Pooling
from pedesis.process import Process, Time
from pedesis.samplers import DDIM, SAMPLERS, Heun
from pedesis.theory.exact import Mixture, MixtureDenoiser
from pedesis.utils.noise import gaussian_noise

D = torch.float64
SHAPE = (1, 4, 4)
SIZE = 16
KNOWN = torch.arange(SIZE).reshape(SHAPE) % 3 > 0
OPERATORS = {"mask": Mask(KNOWN), "pooling": Pooling(2), "blur": Blur(1.5)}
RULES = [DDNM, PiGDM, MMPS]


def dense(operator: Operator) -> torch.Tensor:
    """The matrix of an operator on pictures of the test's shape, (M, 16)."""
    return operator.apply(torch.eye(SIZE, dtype=D).reshape(SIZE, *SHAPE)).flatten(1).T


class Pictures(Denoiser):
    """A mixture of Gaussians whose numbers are laid out as pictures."""

    def __init__(self, mixture: Mixture, process: Process):
        super().__init__(process)
        self.flat = MixtureDenoiser(mixture, process)

    def predict(self, x_t: torch.Tensor, t: Time, condition: Condition = None) -> Prediction:
        predicted = self.flat(x_t.flatten(1), t)
        return self.prediction(x_t, t, predicted.x0.reshape(x_t.shape), variance=predicted.variance.reshape(x_t.shape))

    def x0(self, x_t: torch.Tensor, t: Time, condition: Condition = None) -> torch.Tensor:
        return self.predict(x_t, t).x0


def isotropic(variance: float = 0.3) -> Mixture:
    mean = gaussian_noise(1)(torch.empty(1, SIZE, dtype=D))
    return Mixture(torch.ones(1, dtype=D), mean, variance * torch.eye(SIZE, dtype=D)[None])


def correlated(components: int = 1) -> Mixture:
    draw = gaussian_noise(2)
    root = draw(torch.empty(components, SIZE, SIZE, dtype=D)) / 4
    cov = root @ root.mT + 0.05 * torch.eye(SIZE, dtype=D)
    return Mixture(torch.ones(components, dtype=D), draw(torch.empty(components, SIZE, dtype=D)), cov)


def knowing(prior: Mixture, operator: Operator, y: torch.Tensor, noise: float) -> Mixture:
    """The mixture p(x_0 | y), by Bayes' rule for each component; y is one measurement."""
    a = dense(operator)
    a, y = a[a.abs().sum(1) > 0], y.flatten()[a.abs().sum(1) > 0]
    predicted = torch.einsum("mi,ki->km", a, prior.means)
    cov_y = a @ prior.covs @ a.T + noise**2 * torch.eye(len(a), dtype=D)
    gain = prior.covs @ a.T @ torch.linalg.inv(cov_y)
    density = torch.distributions.MultivariateNormal(predicted, cov_y).log_prob(y)
    means = prior.means + torch.einsum("kim,km->ki", gain, y - predicted)
    return Mixture((prior.weights.log() + density).softmax(0), means, prior.covs - gain @ a @ prior.covs)


def problem(prior: Mixture, operator: Operator, noise: float) -> torch.Tensor:
    """A measurement of one sample of the prior."""
    draw = gaussian_noise(3)
    x0, _ = prior.sample(1, draw, torch.full((1,), 0.5, dtype=D))
    y = operator.apply(x0.reshape(1, *SHAPE))
    return y + noise * draw(y)


def states(prior: Mixture, process: Process, t: float) -> torch.Tensor:
    """Eight noisy pictures at time t."""
    draw = gaussian_noise(4)
    x0, _ = prior.sample(8, draw, torch.arange(8, dtype=D) / 8)
    return process.marginal(x0.reshape(8, *SHAPE), t).sample(draw)


@pytest.mark.parametrize("name", list(OPERATORS))
def test_operators_obey_their_algebra(name: str) -> None:
    """Adjoint, the four equations of Penrose, and the inverse of prior A A^T + noise I, on oblong pictures."""
    operator, draw = OPERATORS[name], gaussian_noise(0)
    if name == "mask":
        operator = Mask(torch.rand(3, 6, 8, generator=torch.Generator().manual_seed(0)) > 0.5)
    x = draw(torch.empty(2, 3, 6, 8, dtype=D))
    y = operator.apply(x)
    other = draw(y)
    torch.testing.assert_close((y * other).sum(), (x * operator.adjoint(other)).sum())
    back = operator.pseudo_inverse(y)
    torch.testing.assert_close(operator.apply(back), y)
    torch.testing.assert_close(operator.pseudo_inverse(operator.apply(back)), back)
    torch.testing.assert_close((back * (x - back)).sum(), torch.zeros((), dtype=D), atol=1e-8, rtol=0)
    prior = torch.tensor([0.3, 2.0], dtype=D).reshape(2, 1, 1, 1)
    solved = operator.solve(y, prior, 0.25)
    torch.testing.assert_close(prior * operator.apply(operator.adjoint(solved)) + 0.25 * solved, y)


def test_blur_and_pooling_are_those_of_other_libraries() -> None:
    x = gaussian_noise(0)(torch.empty(1, 1, 12, 16, dtype=D))
    scipy = gaussian_filter(x[0, 0].numpy(), 1.5, mode="wrap", truncate=8)
    np.testing.assert_allclose(Blur(1.5).apply(x)[0, 0].numpy(), scipy, atol=1e-3)
    torch.testing.assert_close(Blur(0.3).apply(torch.ones_like(x)), torch.ones_like(x))
    torch.testing.assert_close(Pooling(4).apply(x), torch.nn.functional.avg_pool2d(x, 4))
    repeated = torch.nn.functional.interpolate(Pooling(4).apply(x), scale_factor=4, mode="nearest")
    torch.testing.assert_close(Pooling(4).pseudo_inverse(Pooling(4).apply(x)), repeated)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", list(OPERATORS))
@pytest.mark.parametrize("t", [0.1, 0.5, 0.9])
def test_every_rule_is_exact_for_isotropic_gaussian_data(rule: type[MeasurementGuided], name: str, t: float) -> None:
    prior, process, operator, noise = isotropic(), Process("cosine"), OPERATORS[name], 0.2
    y, x_t = problem(prior, operator, noise), states(prior, process, t)
    truth = Pictures(knowing(prior, operator, y, noise), process)(x_t, t)
    guided = rule(Pictures(prior, process), operator, y, noise, "optimal")(x_t, t)
    torch.testing.assert_close(guided.x0, truth.x0, rtol=1e-7, atol=1e-7)
    torch.testing.assert_close(guided.eps, truth.eps, rtol=1e-6, atol=1e-6)
    assert guided.variance is None and not torch.allclose(truth.x0, Pictures(prior, process)(x_t, t).x0, atol=0.05)


@pytest.mark.parametrize("name", list(OPERATORS))
@pytest.mark.parametrize("frame", ["vp", "ve"])
def test_moment_matching_is_exact_for_any_gaussian(name: str, frame: str) -> None:
    """With as many iterations as there are numbers; the rules that know one variance only are not."""
    prior, process, operator, noise, t = correlated(), Process("cosine", frame), OPERATORS[name], 0.2, 0.6
    inner, y, x_t = Pictures(prior, process), problem(prior, operator, noise), states(prior, process, t)
    truth = Pictures(knowing(prior, operator, y, noise), process)(x_t, t).x0
    matched = MMPS(inner, operator, y, noise, "optimal", iterations=SIZE)(x_t, t).x0
    torch.testing.assert_close(matched, truth, rtol=1e-6, atol=1e-6)
    errors = [
        (denoiser(x_t, t).x0 - truth).square().mean().item()
        for denoiser in (
            MMPS(inner, operator, y, noise, "optimal", iterations=3),
            PiGDM(inner, operator, y, noise, "optimal"),
            DDNM(inner, operator, y, noise, "optimal"),
            inner,
        )
    ]
    assert errors[0] < min(errors[1:3]) / 3 and max(errors[1:3]) < errors[3], errors


def test_moment_matching_helps_most_on_a_mixture() -> None:
    """No rule is exact there; mean squared errors against the closed form, over noise levels."""
    prior, process, operator, noise = correlated(3), Process("cosine"), OPERATORS["pooling"], 0.1
    inner, y = Pictures(prior, process), problem(prior, operator, noise)
    exact = Pictures(knowing(prior, operator, y, noise), process)
    rules = {
        "matched": MMPS(inner, operator, y, noise, "optimal", iterations=8),
        "pseudo-inverse": PiGDM(inner, operator, y, noise, "optimal"),
        "null space": DDNM(inner, operator, y, noise, "optimal"),
        "none": inner,
    }
    errors = dict.fromkeys(rules, 0.0)
    for t, (name, rule) in itertools.product((0.1, 0.3, 0.5, 0.7, 0.9), rules.items()):
        x_t = states(prior, process, t)
        errors[name] += (rule(x_t, t).x0 - exact(x_t, t).x0).square().mean().item()
    assert errors["matched"] < 0.5 * min(errors["pseudo-inverse"], errors["null space"]), errors
    assert max(errors["pseudo-inverse"], errors["null space"]) < errors["none"], errors


def test_dps_is_the_gradient_of_the_likelihood_at_the_estimate() -> None:
    """grad_x log N(y; A x0_hat(x_t), s^2 I), by differentiating that density itself."""
    prior, process, operator, noise, t = correlated(2), Process("cosine"), OPERATORS["blur"], 0.5, 0.4
    inner, y, x_t = Pictures(prior, process), problem(prior, operator, noise), states(prior, process, t)
    x = x_t.clone().requires_grad_()
    log_density = -(y - operator.apply(inner(x, t).x0)).square().sum() / (2 * noise**2)
    (gradient,) = torch.autograd.grad(log_density, x)
    guided = PiGDM(inner, operator, y, noise, "posterior")(x_t, t)
    torch.testing.assert_close(guided.score, inner(x_t, t).score + gradient)


def test_sampling_finds_the_law_of_what_is_left_open() -> None:
    """2,000 samples by the flow: mean and covariance of p(x_0 | y), in closed form."""
    prior, process, operator, noise = correlated(), Process("cosine"), OPERATORS["pooling"], 0.1
    y = problem(prior, operator, noise)
    denoiser = MMPS(Pictures(prior, process), operator, y, noise, "optimal", iterations=8)
    times = process.schedule.time(torch.linspace(-10, 9, 26, dtype=D))
    start = gaussian_noise(5)(torch.empty(2000, *SHAPE, dtype=D))
    x = Heun().sample(denoiser, start, times).flatten(1)
    truth = knowing(prior, operator, y, noise)
    spread = truth.covs[0].diagonal().sqrt()
    torch.testing.assert_close(x.mean(0), truth.means[0], rtol=0, atol=5 * spread.max().item() / 2000**0.5 + 0.01)
    torch.testing.assert_close(x.T.cov(), truth.covs[0], rtol=0, atol=0.12 * spread.max().item() ** 2)


@pytest.mark.parametrize("sampler", ["ddim", "dpm++2m", "ddpm", "unipc"])
@pytest.mark.parametrize("name", list(OPERATORS))
def test_the_null_space_rule_ends_in_agreement_with_the_measurement(sampler: str, name: str) -> None:
    prior, process, operator = correlated(2), Process("cosine"), OPERATORS[name]
    y = problem(prior, operator, 0.0)
    denoiser, noise = DDNM(Pictures(prior, process), operator, y), gaussian_noise(6)
    times = torch.linspace(1, 0, 9, dtype=D)
    x = SAMPLERS.build({"name": sampler}).sample(denoiser, noise(torch.empty(5, *SHAPE, dtype=D)), times, noise=noise)
    torch.testing.assert_close(operator.apply(x), y.expand_as(operator.apply(x)), rtol=1e-9, atol=1e-9)
    assert x.std(0).max() > 0.05, "what is not measured stays open"


def test_a_mask_without_noise_is_inpainting() -> None:
    prior, process = correlated(2), Process("cosine")
    inner, x_t = Pictures(prior, process), states(prior, process, 0.5)
    known = gaussian_noise(7)(x_t[:1])
    one, other = DDNM(inner, Mask(KNOWN), known)(x_t, 0.5), InpaintingDenoiser(inner, known, KNOWN)(x_t, 0.5)
    torch.testing.assert_close(one.x0, other.x0)
    torch.testing.assert_close(one.eps, other.eps)
    times = torch.linspace(1, 0, 6, dtype=D)
    walks = [
        DDIM().sample(d, x_t, times) for d in (DDNM(inner, Mask(KNOWN), known), InpaintingDenoiser(inner, known, KNOWN))
    ]
    torch.testing.assert_close(*walks)


@pytest.mark.parametrize("rule", RULES)
def test_a_row_does_not_depend_on_its_batch_mates(rule: type[MeasurementGuided]) -> None:
    prior, process, operator = correlated(2), Process("cosine"), OPERATORS["pooling"]
    denoiser = rule(Pictures(prior, process), operator, problem(prior, operator, 0.1), 0.1, "optimal")
    x_t = states(prior, process, 0.5)
    torch.testing.assert_close(denoiser(x_t[3:4], 0.5).x0[0], denoiser(x_t, 0.5).x0[3], rtol=1e-10, atol=1e-10)
    times = torch.rand(8, generator=torch.Generator().manual_seed(0), dtype=D)
    apart = torch.cat([denoiser(x_t[i : i + 1], float(times[i])).x0 for i in range(8)])
    torch.testing.assert_close(denoiser(x_t, times).x0, apart, rtol=1e-9, atol=1e-9)


def test_wrong_problems_are_named() -> None:
    inner, y = Pictures(isotropic(), Process("cosine")), torch.zeros(1, 1, 2, 2, dtype=D)
    with pytest.raises(ValueError, match="whose sides it divides"):
        Pooling(3).apply(torch.zeros(1, 1, 4, 4))
    with pytest.raises(ValueError, match="positive number of pixels"):
        Blur(0.0)
    with pytest.raises(ValueError, match="boolean"):
        Mask(torch.ones(1, 4, 4))
    with pytest.raises(ValueError, match="at least 0"):
        DDNM(inner, Pooling(2), y, -0.1)
    with pytest.raises(ValueError, match="noise must be > 0"):
        PiGDM(inner, Pooling(2), y, 0.0, "posterior")
    with pytest.raises(ValueError, match="unknown variance rule"):
        DDNM(inner, Pooling(2), y, 0.1, "gamma")
    with pytest.raises(ValueError, match="at least 1 iteration"):
        MMPS(inner, Pooling(2), y, iterations=0)
