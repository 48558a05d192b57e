"""The numeric errors of the lecture notes: the printed form fails where the corrected one holds (docs/errata.md)."""

import math

import pytest
import torch
from scipy import stats

from pedesis.gaussian import Gaussian
from pedesis.guidance.classifier_free import ClassifierFreeGuidance
from pedesis.guidance.classifier_guidance import class_gradient
from pedesis.process import Process
from pedesis.theory.elbo import discretized_log_prob, elbo
from pedesis.theory.exact import Mixture, MixtureDenoiser
from pedesis.theory.kernels import denoising_weights, mean_from_eps
from pedesis.theory.reverse import OptimalVariance
from pedesis.utils.noise import gaussian_noise

D = torch.float64
BETA = torch.linspace(1e-4, 0.02, 1000, dtype=D)
ALPHA_BAR = torch.cumprod(1 - BETA, 0)
PROCESS = Process("linear")


@pytest.mark.erratum("E1")
def test_e1_the_sign_of_the_classifier_score(mixture: Mixture, points: torch.Tensor) -> None:
    denoiser, label, scale = MixtureDenoiser(mixture, Process("cosine")), torch.arange(16) % 2, 3.0
    conditional, plain = denoiser(points, 0.4, label).score, denoiser(points, 0.4).score
    truth = class_gradient(denoiser.log_class, points, 0.4, label)
    torch.testing.assert_close(conditional - plain, truth, rtol=1e-8, atol=1e-8)
    assert (plain - conditional - truth).abs().max() > 1
    guided = ClassifierFreeGuidance(denoiser, scale)(points, 0.4, label).score
    torch.testing.assert_close(plain + scale * (conditional - plain), guided, rtol=1e-8, atol=1e-8)
    assert (plain + scale * (plain - conditional) - guided).abs().max() > 1


@pytest.mark.erratum("E2")
def test_e2_the_kernel_needs_the_cumulative_product(points: torch.Tensor) -> None:
    kernel = PROCESS.marginal(points, 0.5)
    torch.testing.assert_close(kernel.mean, ALPHA_BAR[499].sqrt() * points, rtol=1e-8, atol=1e-10)
    assert ((1 - BETA[499]).sqrt() * points - kernel.mean).abs().max() > 1


@pytest.mark.erratum("E3")
@pytest.mark.erratum("E8")
@pytest.mark.erratum("E10")
def test_e3_e8_e10_the_three_terms_of_the_bound() -> None:
    """A perfect model of Gaussian data: its reverse steps are exact, so the bound is -log P(x_0) for any T."""
    data = Mixture(torch.ones(1, dtype=D), torch.zeros(1, 1, dtype=D), torch.full((1, 1, 1), 0.25, dtype=D))
    x0, times = torch.zeros(40_000, 1, dtype=D), torch.linspace(1, 0, 201, dtype=D)
    bound = elbo(MixtureDenoiser(data, PROCESS), x0, times, gaussian_noise(0), OptimalVariance(), levels=255)
    truth = -math.log(2 * stats.norm(0, 0.5).cdf(1 / 254) - 1)
    prior, diffusion, first = (each.mean().item() for each in (bound.prior, bound.diffusion, bound.reconstruction))
    assert prior + diffusion + first == pytest.approx(truth, abs=0.02)
    assert abs(prior - first + diffusion - truth) > 1, "E3: the sign of the reconstruction"
    assert abs(first - truth) > 0.5, "E8: a perfect model's forward conditionals are q's, which leaves this alone"
    assert abs(prior + diffusion - truth) > 0.5, "E10: without t = 1"


@pytest.mark.erratum("E4")
@pytest.mark.parametrize(("t", "factor"), [(100, 1.055), (500, 3.55), (1000, 155.8)])
def test_e4_the_mean_divides_by_the_step_not_by_the_product(points: torch.Tensor, t: int, factor: float) -> None:
    x0, eps = points, points.roll(3, 0)
    b, now = BETA[t - 1], ALPHA_BAR[t - 1]
    x_t = now.sqrt() * x0 + (1 - now).sqrt() * eps
    truth = PROCESS.posterior(x_t, x0, (t - 1) / 1000, t / 1000).mean
    inside = x_t - b / (1 - now).sqrt() * eps
    torch.testing.assert_close(inside / (1 - b).sqrt(), truth, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(mean_from_eps(PROCESS, x_t, eps, (t - 1) / 1000, t / 1000), truth, rtol=1e-6, atol=1e-8)
    printed = inside / now.sqrt()
    assert (printed / truth).median().item() == pytest.approx(factor, rel=1e-3)


@pytest.mark.erratum("E5")
@pytest.mark.parametrize(("t", "factor"), [(2, 8340), (100, 537), (1000, 1.2e6)])
def test_e5_the_weight_of_the_eps_error(t: int, factor: float) -> None:
    b, now, var = BETA[t - 1], ALPHA_BAR[t - 1], 0.5 * BETA[t - 1]
    truth = denoising_weights(PROCESS, (t - 1) / 1000, t / 1000, var).eps
    torch.testing.assert_close(b**2 / (2 * var * (1 - b) * (1 - now)), truth, rtol=1e-6, atol=0)
    printed = b / (2 * now * (1 - now) * var)
    assert (printed / truth).item() == pytest.approx(factor, rel=0.03)


@pytest.mark.erratum("E6")
def test_e6_two_steps_add_variances_not_deviations() -> None:
    first, second = 0.01, 0.02
    noise = gaussian_noise(0)
    zero = torch.zeros(400_000, 1, dtype=D)
    x = math.sqrt(1 - second) * (math.sqrt(first) * noise(zero)) + math.sqrt(second) * noise(zero)
    correct = (1 - second) * first + second
    assert correct == pytest.approx(0.0298)
    assert x.var().item() == pytest.approx(correct, rel=0.01)
    printed = math.sqrt(1 - math.sqrt(second)) ** 2 * math.sqrt(first) ** 2 + math.sqrt(second)
    assert printed > 4 * correct


@pytest.mark.erratum("E7")
def test_e7_tweedie_gives_the_mean_not_the_sample(mixture: Mixture) -> None:
    process = Process("cosine")
    denoiser, uniform = MixtureDenoiser(mixture, process), torch.rand(64, generator=torch.Generator().manual_seed(0))
    x0, _ = mixture.sample(64, gaussian_noise(0), uniform)
    noise = gaussian_noise(1)
    x_t = process.marginal(x0, 0.6).sample(noise)
    alpha, sigma, _ = process.scales(0.6, x0)
    predicted = denoiser(x_t, 0.6)
    printed = (x_t + sigma**2 * predicted.score) / alpha
    torch.testing.assert_close(printed, predicted.x0, rtol=1e-8, atol=1e-8)
    assert (printed - x0).abs().mean() > 0.2
    conditional_score = -(x_t - alpha * x0) / sigma**2
    torch.testing.assert_close((x_t + sigma**2 * conditional_score) / alpha, x0, rtol=1e-8, atol=1e-8)


@pytest.mark.erratum("E9")
def test_e9_the_edge_bins_reach_to_infinity() -> None:
    edge = torch.ones(1, 1, dtype=D)
    cell = Gaussian(torch.full((1, 1), 1.3, dtype=D), torch.tensor(0.04, dtype=D))
    law = stats.norm(1.3, 0.2)
    assert discretized_log_prob(edge, cell).exp().item() == pytest.approx(law.sf(1 - 1 / 255), rel=1e-9)
    finite = law.cdf(1 + 1 / 255) - law.cdf(1 - 1 / 255)
    assert finite < 0.1 * law.sf(1 - 1 / 255)


@pytest.mark.erratum("E15")
@pytest.mark.erratum("E16")
def test_e15_e16_completing_the_square(points: torch.Tensor) -> None:
    """The exponent of q(z_{t-1}|z_t, x) as a quadratic in z = z_{t-1}, term by term."""
    t = 400
    b, before, now = BETA[t - 1], ALPHA_BAR[t - 2], ALPHA_BAR[t - 1]
    z_t, x = points.roll(1, 0)[:, :1], points.roll(2, 0)[:, :1]
    z, other = points[:, :1], points.roll(5, 0)[:, :1]

    def bracket(z: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        square = z**2 / (1 - before) + second * z**2
        cross = z * (before.sqrt() * x / (1 - before) + (1 - b).sqrt() * z_t / b)
        return (square - 2 * cross)[:, 0]

    posterior = PROCESS.posterior(z_t, x, (t - 1) / 1000, t / 1000)
    truth = posterior.log_prob(z) - posterior.log_prob(other)
    right, wrong = (1 - b) / b, 1 / b
    torch.testing.assert_close(-0.5 * (bracket(z, right) - bracket(other, right)), truth, rtol=1e-6, atol=1e-6)
    assert not torch.allclose(bracket(z, right) - bracket(other, right), truth, rtol=0.1)
    assert not torch.allclose(-0.5 * (bracket(z, wrong) - bracket(other, wrong)), truth, rtol=1e-3, atol=1e-3)
    assert now < before


@pytest.mark.erratum("E19")
def test_e19_descending_the_printed_loss_moves_away() -> None:
    """One parameter, g = w x_t: gradient descent on +||g - eps||^2 improves, on the printed - it worsens."""
    noise = gaussian_noise(0)
    x0 = 0.3 * noise(torch.empty(5000, 1, dtype=D))
    eps = noise(x0)
    alpha, sigma, _ = PROCESS.scales(0.5, x0)
    x_t = alpha * x0 + sigma * eps

    def error_after(sign: float) -> float:
        w = torch.zeros((), dtype=D, requires_grad=True)
        (sign * (w * x_t - eps).square().mean()).backward()
        assert w.grad is not None
        return (((w - 0.1 * w.grad) * x_t - eps).square().mean()).item()

    at_start = eps.square().mean().item()
    assert error_after(+1) < at_start < error_after(-1)


@pytest.mark.erratum("E21")
def test_e21_the_variance_is_kept_only_if_it_was_one() -> None:
    noise = gaussian_noise(0)
    for start in (0.25, 1.0):
        x = math.sqrt(start) * noise(torch.empty(400_000, 1, dtype=D))
        step = PROCESS.transition(x, 0.5, 0.6)
        after, gain, var = step.sample(noise).var().item(), (step.mean / x)[0, 0].item(), step.var.item()
        assert after == pytest.approx(gain**2 * start + var, rel=0.02)
        assert (abs(after - (gain**2 + var)) < 0.02) == (start == 1.0)
