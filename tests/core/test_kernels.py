"""The reverse conditional in its three forms, its variance, and the exact one that is not Gaussian."""

import math

import pytest
import torch

from pedesis.gaussian import Gaussian
from pedesis.process import FRAMES, Process
from pedesis.samplers import SAMPLERS
from pedesis.theory.exact import Mixture, MixtureDenoiser
from pedesis.theory.kernels import (
    denoising_weights,
    interpolated_variance,
    mean_from_eps,
    mean_from_score,
    small_step_reverse,
    step_coefficients,
    tweedie,
    x0_from_eps,
)
from pedesis.theory.reverse import VARIANCE_RULES, OptimalVariance, PosteriorVariance, reverse_kernel
from pedesis.theory.variance import AnalyticVariance, analytic_reverse_variance, estimate_variance
from pedesis.utils.noise import gaussian_noise

D = torch.float64
STEPS = [(0.1, 0.15), (0.4, 0.7), (0.9, 1.0)]


@pytest.mark.row("R3")
@pytest.mark.row("R4")
@pytest.mark.row("R5")
@pytest.mark.parametrize(("s", "t"), STEPS)
def test_the_three_forms_of_the_mean_agree(process: Process, points: torch.Tensor, s: float, t: float) -> None:
    x0, eps = points, points.roll(3, 0)
    alpha, sigma, _ = process.scales(t, x0)
    x_t = alpha * x0 + sigma * eps
    mean = process.posterior(x_t, x0, s, t).mean
    torch.testing.assert_close(mean_from_eps(process, x_t, eps, s, t), mean, rtol=1e-7, atol=1e-7)
    torch.testing.assert_close(mean_from_score(process, x_t, -eps / sigma, s, t), mean, rtol=1e-7, atol=1e-7)
    torch.testing.assert_close(x0_from_eps(process, x_t, eps, t), x0, rtol=1e-7, atol=1e-7)


@pytest.mark.row("R3")
@pytest.mark.row("O9")
def test_forms_and_weights_in_ddpms_own_symbols(points: torch.Tensor) -> None:
    beta = torch.linspace(1e-4, 0.02, 1000, dtype=D)
    alpha_bar = torch.cumprod(1 - beta, 0)
    process, eps = Process("linear"), points.roll(3, 0)
    for i in (2, 100, 1000):
        b, now, before = beta[i - 1], alpha_bar[i - 1], alpha_bar[i - 2]
        s, t, v = (i - 1) / 1000, i / 1000, 0.7 * b
        expected = (points - b / (1 - now).sqrt() * eps) / (1 - b).sqrt()
        torch.testing.assert_close(mean_from_eps(process, points, eps, s, t), expected, rtol=1e-7, atol=1e-9)
        weights = denoising_weights(process, s, t, v)
        torch.testing.assert_close(weights.x0, before * b**2 / (2 * v * (1 - now) ** 2), rtol=1e-6, atol=0)
        torch.testing.assert_close(weights.eps, b**2 / (2 * v * (1 - b) * (1 - now)), rtol=1e-6, atol=0)
        torch.testing.assert_close(weights.score, b**2 / (2 * v * (1 - b)), rtol=1e-6, atol=0)
        snr = lambda a: a / (1 - a)  # noqa: E731
        own = denoising_weights(process, s, t)
        torch.testing.assert_close(own.x0, 0.5 * (snr(before) - snr(now)), rtol=1e-6, atol=0)
        torch.testing.assert_close(own.eps, 0.5 * (snr(before) / snr(now) - 1), rtol=1e-6, atol=0)
        assert own.spread == 0


@pytest.mark.row("O9")
@pytest.mark.parametrize(("s", "t"), STEPS)
def test_the_weights_are_the_kl(process: Process, points: torch.Tensor, s: float, t: float) -> None:
    x0, eps, guess = points, points.roll(3, 0), 0.8 * points.roll(1, 0)
    alpha, sigma, _ = process.scales(t, x0)
    x_t = alpha * x0 + sigma * eps
    var = step_coefficients(process, s, t).transition_var * 1.3
    kl = process.posterior(x_t, x0, s, t).kl(Gaussian(process.posterior(x_t, guess, s, t).mean, var))
    weights = denoising_weights(process, s, t, var)
    guess_eps = (x_t - alpha * guess) / sigma
    for weight, error in (
        (weights.x0, x0 - guess),
        (weights.eps, eps - guess_eps),
        (weights.score, (eps - guess_eps) / sigma),
    ):
        torch.testing.assert_close(weight * error.square().sum(1) + 2 * weights.spread, kl, rtol=1e-7, atol=1e-9)


@pytest.mark.row("R7")
@pytest.mark.parametrize("t", [0.1, 0.6])
def test_tweedie_on_a_mixture_by_autograd(process: Process, mixture: Mixture, points: torch.Tensor, t: float) -> None:
    denoiser, x = MixtureDenoiser(mixture, process), points.requires_grad_()
    (score,) = torch.autograd.grad(denoiser.log_prob(x, t).sum(), x)
    torch.testing.assert_close(tweedie(process, x.detach(), score, t), denoiser.x0(x.detach(), t), rtol=1e-6, atol=1e-6)


@pytest.mark.row("O2")
@pytest.mark.row("O3")
def test_the_variance_rules_are_beta_tilde_beta_and_the_truth(mixture: Mixture, points: torch.Tensor) -> None:
    process = Process("linear")
    denoiser, chain = MixtureDenoiser(mixture, process), process.chain(1000)
    predicted = denoiser(points, 0.5)
    kernels = {
        name: reverse_kernel(process, predicted, 0.499, 0.5, VARIANCE_RULES.build({"name": name}))
        for name in VARIANCE_RULES
    }
    assert kernels["posterior"].var.item() == pytest.approx(chain.beta_tilde[500].item(), rel=1e-7)
    assert kernels["beta"].var.item() == pytest.approx(chain.beta[500].item(), rel=1e-7)
    torch.testing.assert_close(kernels["posterior"].mean, process.posterior(points, predicted.x0, 0.499, 0.5).mean)
    assert (kernels["optimal"].var > kernels["posterior"].var).all()
    torch.testing.assert_close(
        kernels["optimal"].var,
        kernels["posterior"].var + step_coefficients(process, 0.499, 0.5).posterior_x0 ** 2 * predicted.variance,
    )
    plain = denoiser.prediction(points, 0.5, predicted.x0)
    with pytest.raises(ValueError, match="knows Var"):
        reverse_kernel(process, plain, 0.4, 0.5, OptimalVariance())


@pytest.mark.row("O3")
@pytest.mark.row("R1")
def test_the_optimal_kernel_has_the_true_mean_and_variance_of_the_reverse_conditional() -> None:
    """q(x_s | x_t) of a 1-D mixture on a fine grid: normalized, and with the moments of the optimal Gaussian."""
    data = Mixture(
        torch.tensor([0.3, 0.7], dtype=D),
        torch.tensor([[-1.0], [0.8]], dtype=D),
        torch.tensor([[[0.04]], [[0.09]]], dtype=D),
    )
    process = Process("cosine")
    denoiser = MixtureDenoiser(data, process)
    x_s = torch.linspace(-6, 6, 24_001, dtype=D)[:, None]
    x_t = torch.full_like(x_s, 0.25)
    density = denoiser.log_reverse(x_s, x_t, 0.3, 0.7).exp()
    assert torch.trapezoid(density, x_s[:, 0]).item() == pytest.approx(1, abs=1e-9)
    mean = torch.trapezoid(density * x_s[:, 0], x_s[:, 0])
    var = torch.trapezoid(density * x_s[:, 0] ** 2, x_s[:, 0]) - mean**2
    kernel = reverse_kernel(process, denoiser(x_t[:1], 0.7), 0.3, 0.7, OptimalVariance())
    assert kernel.mean.item() == pytest.approx(mean.item(), rel=1e-8)
    assert kernel.var.item() == pytest.approx(var.item(), rel=1e-8)


@pytest.mark.row("R9")
@pytest.mark.row("R1")
def test_the_gaussian_reverse_holds_for_small_steps_and_fails_for_large() -> None:
    """KL(true reverse || small-step Gaussian), by quadrature: falls faster than the step, large for a big one."""
    data = Mixture(
        torch.tensor([0.5, 0.5], dtype=D),
        torch.tensor([[-1.0], [1.0]], dtype=D),
        torch.tensor([[[0.02]], [[0.02]]], dtype=D),
    )
    process, t = Process("linear"), 0.5
    denoiser = MixtureDenoiser(data, process)
    x_t = torch.tensor([[0.1]], dtype=D)

    def kl(h: float) -> float:
        kernel = small_step_reverse(process, x_t, denoiser(x_t, t).score, t - h, t)
        x = kernel.mean + kernel.var.sqrt() * torch.linspace(-40, 40, 60_001, dtype=D)[:, None]
        log_true = denoiser.log_reverse(x, x_t.expand_as(x), t - h, t)
        log_gaussian = Gaussian(kernel.mean.expand_as(x), kernel.var).log_prob(x)
        return torch.trapezoid(log_true.exp() * (log_true - log_gaussian), x[:, 0]).item()

    small, half = kl(0.004), kl(0.002)
    assert 0 < half < small < 0.01 and small / half > 3
    assert kl(0.45) > 0.5


@pytest.mark.row("N3")
def test_the_printed_interpolation_runs_from_beta_tilde_to_beta(points: torch.Tensor) -> None:
    process = Process("linear")
    chain = process.chain(1000)
    low, middle, high = (
        interpolated_variance(process, torch.full_like(points, v), 0.299, 0.3, points)[0, 0].item()
        for v in (0.0, 0.5, 1.0)
    )
    assert low == pytest.approx(chain.beta_tilde[300].item(), rel=1e-6)
    assert high == pytest.approx(chain.beta[300].item(), rel=1e-6)
    assert middle == pytest.approx(math.sqrt(low * high))


@pytest.mark.row("N4")
@pytest.mark.parametrize("frame", list(FRAMES))
@pytest.mark.parametrize(("s", "t"), [(0.1, 0.15), (0.4, 0.7), (0.3, 0.4)])
def test_the_analytic_variance_is_the_one_formula(mixture: Mixture, frame: str, s: float, t: float) -> None:
    """Bao et al.'s expression in the score equals var_q + c_0^2 E Var[x_0 | x_t] of the exact model."""
    process = Process("cosine", frame)
    denoiser, count = MixtureDenoiser(mixture, process), 40_000
    x0, _ = mixture.sample(
        count, gaussian_noise(0), torch.rand(count, generator=torch.Generator().manual_seed(0), dtype=D)
    )
    predicted = denoiser(process.marginal(x0, t).sample(gaussian_noise(1)), t)
    c = step_coefficients(process, s, t)
    truth = c.posterior_var + c.posterior_x0**2 * predicted.variance.mean()
    printed = analytic_reverse_variance(process, s, t, predicted.score.square().mean())
    assert printed.item() == pytest.approx(truth.item(), rel=0.02)


@pytest.mark.row("N4")
def test_the_table_of_variances_is_learned_from_the_score_alone(mixture: Mixture) -> None:
    process = Process("cosine")
    denoiser, count = MixtureDenoiser(mixture, process), 40_000
    x0, _ = mixture.sample(
        count, gaussian_noise(0), torch.rand(count, generator=torch.Generator().manual_seed(0), dtype=D)
    )
    times = torch.linspace(0.05, 1, 12, dtype=D)
    table = AnalyticVariance(denoiser, *estimate_variance(denoiser, x0, times, gaussian_noise(1)))
    for t in (0.2, 0.5, 0.83):
        x_t = process.marginal(x0, t).sample(gaussian_noise(2))
        assert table(x_t, t).variance.mean().item() == pytest.approx(denoiser(x_t, t).variance.mean().item(), rel=0.1)
    kernel = reverse_kernel(process, table(x0[:4], 0.5), 0.4, 0.5, OptimalVariance())
    assert (kernel.var > reverse_kernel(process, table(x0[:4], 0.5), 0.4, 0.5, PosteriorVariance()).var).all()


@pytest.mark.row("O3")
def test_the_optimal_variance_gets_few_step_sampling_right() -> None:
    """Gaussian data, 5 ancestral steps: exact with the optimal variance, narrow with beta_tilde, wide with beta."""
    data = Mixture(torch.ones(1, dtype=D), torch.tensor([[0.0]], dtype=D), torch.tensor([[[0.25]]], dtype=D))
    process = Process("linear")
    denoiser, noise = MixtureDenoiser(data, process), gaussian_noise(0)
    start = noise(torch.empty(40_000, 1, dtype=D))
    times = torch.cat([torch.linspace(1, 0.02, 5, dtype=D)])
    stds = {}
    for name in VARIANCE_RULES:
        sampler = SAMPLERS.build({"name": "ddpm", "variance": name})
        stds[name] = sampler.sample(denoiser, start, times, noise=gaussian_noise(1)).std().item()
    alpha, sigma, _ = (float(v) for v in process.scales(0.02, torch.zeros(1, 1, dtype=D)))
    truth = math.sqrt(alpha**2 * 0.25 + sigma**2)
    assert stds["optimal"] == pytest.approx(truth, rel=0.02)
    assert stds["posterior"] < 0.9 * truth and stds["beta"] > 1.1 * truth, stds
