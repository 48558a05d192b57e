"""The bound: term by term, against paths, against log p, and as a VAE."""

import itertools
import math

import pytest
import torch
from scipy import integrate, stats

from pedesis.gaussian import Gaussian
from pedesis.process import Process
from pedesis.theory.elbo import decoder, denoising_term, discretized_log_prob, elbo, prior_term, step_choice
from pedesis.theory.exact import Mixture, MixtureDenoiser
from pedesis.theory.joint import forward_log_prob, forward_path, moments_after, path_bound
from pedesis.theory.latent import LinearVAE, standard_kl, variational_diffusion_properties
from pedesis.theory.reverse import VARIANCE_RULES, OptimalVariance
from pedesis.utils.noise import gaussian_noise

D = torch.float64


def one_gaussian(mean: float = 0.4, var: float = 0.3) -> Mixture:
    return Mixture(torch.ones(1, dtype=D), torch.full((1, 1), mean, dtype=D), torch.full((1, 1, 1), var, dtype=D))


@pytest.mark.row("O8")
def test_the_prior_term_in_the_lectures_symbols(points: torch.Tensor) -> None:
    process = Process("linear")
    alpha_bar = process.chain(1000).alpha_bar[-1]
    expected = 0.5 * (alpha_bar * (points**2 - 1) - torch.log1p(-alpha_bar)).sum(1)
    torch.testing.assert_close(prior_term(process, points), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.row("O6")
@pytest.mark.row("O5")
@pytest.mark.row("O1")
@pytest.mark.row("L4")
@pytest.mark.row("F4")
@pytest.mark.parametrize("name", list(VARIANCE_RULES))
def test_the_telescoped_bound_is_the_mean_over_paths(mixture: Mixture, name: str) -> None:
    """L of whole paths (joint densities) and L as a sum of KLs are the same number; both by Monte Carlo here."""
    process, rule = Process("cosine"), VARIANCE_RULES.build({"name": name})
    denoiser, count = MixtureDenoiser(mixture, process), 20_000
    times = torch.tensor([0, 0.2, 0.45, 0.7, 1.0], dtype=D)
    x0 = torch.tensor([[-0.8, 0.4]], dtype=D).expand(count, 2)
    path = forward_path(process, x0, times, gaussian_noise(1))
    pixels = decoder(process, denoiser(path[1], float(times[1])), float(times[1]), float(times[2]), rule)
    paths = path_bound(denoiser, path, times, rule, pixels.log_prob(x0))
    terms = elbo(denoiser, x0, times.flip(0), gaussian_noise(2), rule, levels=None)
    gap = (paths.mean() - terms.nats.mean()).abs()
    error = (paths.var() / count + terms.nats.var() / count).sqrt()
    assert gap < 4 * error, (gap, error)


@pytest.mark.row("O6")
@pytest.mark.parametrize("schedule", ["cosine", "linear-log-snr"])
def test_the_bound_holds_and_tightens_on_nested_grids(mixture: Mixture, schedule: str) -> None:
    """-log p(x_0) of the exact model <= bound, falling as steps are added between fixed ends, with common noise."""
    process = Process(schedule)
    denoiser, count = MixtureDenoiser(mixture, process), 4000
    x0, _ = mixture.sample(
        count, gaussian_noise(0), torch.rand(count, generator=torch.Generator().manual_seed(0), dtype=D)
    )
    first, last = process.schedule.time(torch.tensor([8.0], dtype=D)), torch.ones(1, dtype=D)
    low = process.log_snr(1.0)
    bounds = []
    for n in (2, 8, 32, 128):
        middle = process.schedule.time(torch.linspace(8, float(low), n + 1, dtype=D)[1:-1])
        times = torch.cat([torch.zeros(1, dtype=D), first, middle, last]).flip(0)
        bounds.append(elbo(denoiser, x0, times, gaussian_noise(3), OptimalVariance(), levels=None).nats.mean().item())
    truth = -mixture_log_prob(mixture, x0).mean().item()
    assert all(a > b for a, b in itertools.pairwise(bounds)), bounds
    assert truth < bounds[-1] < truth + 0.1, (truth, bounds)


def mixture_log_prob(mixture: Mixture, x0: torch.Tensor) -> torch.Tensor:
    """log p(x_0) by scipy, not by the code under test."""
    weights = (mixture.weights / mixture.weights.sum()).tolist()
    densities = sum(
        w * torch.as_tensor(stats.multivariate_normal(m.numpy(), c.numpy()).pdf(x0.numpy()))
        for w, m, c in zip(weights, mixture.means, mixture.covs, strict=True)
    )
    return torch.as_tensor(densities).log()


@pytest.mark.row("O6")
def test_for_gaussian_data_and_the_right_variance_the_bound_is_tight() -> None:
    """One Gaussian: every reverse conditional is Gaussian, so only the drift of the marginal off the prior is left."""
    process, data = Process("linear"), one_gaussian()
    x0 = torch.linspace(-1, 2, 7, dtype=D)[:, None].repeat(4000, 1)
    times = torch.linspace(1, 0, 40, dtype=D)
    bound = elbo(MixtureDenoiser(data, process), x0, times, gaussian_noise(0), OptimalVariance(), levels=None)
    truth = -stats.norm(0.4, 0.3**0.5).logpdf(x0[:, 0].numpy())
    gap = bound.nats.reshape(-1, 7).mean(0) - torch.as_tensor(truth).reshape(-1, 7).mean(0)
    assert gap.abs().max() < 0.03, gap


@pytest.mark.row("O7")
@pytest.mark.row("O10")
def test_one_step_is_a_vae() -> None:
    """T = 1: no denoising term; prior and reconstruction are those of a VAE with encoder q(x_1 | x_0)."""
    process = Process("linear-log-snr")  # log_snr(0) finite, so that the only latent can sit close to the data
    data = one_gaussian()
    denoiser, x0 = MixtureDenoiser(data, process), torch.tensor([[0.9]], dtype=D).expand(50_000, 1)
    bound = elbo(denoiser, x0, torch.tensor([1.0, 0.0], dtype=D), gaussian_noise(0), OptimalVariance(), levels=None)
    assert bound.diffusion.abs().max() == 0 and bound.per_step.shape[0] == 0
    encoder = process.marginal(x0, 1.0)
    prior = process.prior(x0)
    torch.testing.assert_close(bound.prior, encoder.kl(prior))
    # the decoder p(x_0 | x_1) of this denoiser is linear: its VAE has a closed-form reconstruction term
    alpha, sigma, _ = (float(v) for v in process.scales(1.0, torch.zeros(1, 1, dtype=D)))
    gain = alpha * 0.3 / (alpha**2 * 0.3 + sigma**2)
    bias = 0.4 * (1 - gain * alpha)
    var = 0.3 * (1 - gain * alpha)
    error = (x0[0, 0] - bias - gain * alpha * x0[0, 0]) ** 2 + (gain * sigma) ** 2
    expected = 0.5 * (error / var + math.log(2 * math.pi * var))
    assert bound.reconstruction.mean().item() == pytest.approx(float(expected), abs=0.01)


@pytest.mark.row("O12")
def test_a_random_choice_of_steps_is_unbiased(mixture: Mixture) -> None:
    process = Process("cosine")
    denoiser, count = MixtureDenoiser(mixture, process), 30_000
    x0 = torch.tensor([[0.3, -1.0]], dtype=D).expand(count, 2)
    times = torch.linspace(1, 0, 21, dtype=D)
    full = elbo(denoiser, x0[:3000], times, gaussian_noise(0), OptimalVariance(), levels=None).diffusion
    uniform = torch.rand(count, generator=torch.Generator().manual_seed(5), dtype=D)
    some = elbo(
        denoiser, x0, times, gaussian_noise(1), OptimalVariance(), levels=None, draws=3, uniform=uniform
    ).diffusion
    error = (full.var() / 3000 + some.var() / count).sqrt()
    assert (full.mean() - some.mean()).abs() < 4 * error
    choice, weight = step_choice(19, 1000, 4, torch.rand(1000))
    assert choice.shape == (4, 1000) and weight == 19 / 4 and choice.min() >= 0 and choice.max() <= 18
    assert (choice[0] < choice[3]).all()
    with pytest.raises(ValueError, match="uniform"):
        step_choice(19, 4, 2, None)


@pytest.mark.row("O11")
@pytest.mark.parametrize("std", [0.002, 0.05, 1.0, 30.0])
@pytest.mark.parametrize("mean", [-1.2, -0.31, 0.0, 0.77, 3.0])
def test_bin_masses_sum_to_one_and_match_integration(mean: float, std: float) -> None:
    levels = torch.linspace(-1, 1, 256, dtype=D)[:, None]
    cell = Gaussian(torch.full_like(levels, mean), torch.tensor(std**2, dtype=D))
    log_mass = discretized_log_prob(levels, cell)
    assert log_mass.exp().sum().item() == pytest.approx(1, abs=1e-12)
    assert torch.isfinite(log_mass).all() or std < 0.01
    for k in (0, 100, 254, 255):
        low = -math.inf if k == 0 else levels[k, 0].item() - 1 / 255
        high = math.inf if k == 255 else levels[k, 0].item() + 1 / 255
        law = stats.norm(mean, std)
        expected = law.cdf(high) - law.cdf(low) if high <= mean else law.sf(low) - law.sf(high)
        assert log_mass[k].exp().item() == pytest.approx(expected, rel=1e-8, abs=1e-300)


def test_far_tails_are_exact() -> None:
    """60 standard deviations out, against the asymptotic series by integration of the log density."""
    x = torch.tensor([[101 / 255]], dtype=D)
    cell = Gaussian(torch.tensor([[-1.0]], dtype=D), torch.tensor(0.02**2, dtype=D))
    peak = stats.norm(-1, 0.02).logpdf(100 / 255)
    mass, _ = integrate.quad(
        lambda u: math.exp(stats.norm(-1, 0.02).logpdf(u) - peak), 100 / 255, 102 / 255, epsrel=1e-10
    )
    assert discretized_log_prob(x, cell).item() == pytest.approx(math.log(mass) + peak, rel=1e-9)


@pytest.mark.row("O14")
def test_bits_per_dimension_of_uniform_noise_bits() -> None:
    """A decoder that puts all mass where the pixel is costs the latents' bits alone; the unit is bits per number."""
    process, data = Process("cosine"), one_gaussian(0.0, 0.25)
    x0 = torch.zeros(2000, 1, dtype=D)
    bound = elbo(
        MixtureDenoiser(data, process),
        x0,
        torch.linspace(1, 0, 200, dtype=D),
        gaussian_noise(0),
        OptimalVariance(),
        levels=255,
    )
    half = 1 / 254
    exact = -math.log2(stats.norm(0, 0.5).cdf(half) - stats.norm(0, 0.5).cdf(-half))
    assert bound.bits_per_dim.mean().item() == pytest.approx(exact, abs=0.05)
    torch.testing.assert_close(bound.rate + bound.distortion, bound.nats)
    torch.testing.assert_close(bound.per_step.sum(0), bound.diffusion)


@pytest.mark.parametrize("times", [[1.0], [0.9, 0.0], [1.0, 0.1], [1.0, 0.5, 0.5, 0.0]])
def test_grids_that_are_not_whole_are_refused(mixture: Mixture, points: torch.Tensor, times: list[float]) -> None:
    with pytest.raises(ValueError, match="from 1 to 0"):
        elbo(MixtureDenoiser(mixture, Process("cosine")), points, torch.tensor(times, dtype=D), gaussian_noise(0))


def test_no_kl_is_taken_at_clean_data(mixture: Mixture, points: torch.Tensor) -> None:
    denoiser = MixtureDenoiser(mixture, Process("cosine"))
    with pytest.raises(ValueError, match="reconstruction"):
        denoising_term(denoiser.process, denoiser(points, 0.1), points, 0.0, 0.1, OptimalVariance())


@pytest.mark.row("F3")
@pytest.mark.row("F6")
def test_moments_follow_the_recursion_to_the_standard_normal(mixture: Mixture) -> None:
    process = Process("linear")
    mean, cov = torch.tensor([3.0, -2.0], dtype=D), torch.tensor([[2.0, 0.5], [0.5, 0.1]], dtype=D)
    grid = torch.arange(1001, dtype=D) / 1000
    beta = torch.linspace(1e-4, 0.02, 1000, dtype=D)
    m, c = mean, cov
    for b in beta[:300]:
        m, c = (1 - b).sqrt() * m, (1 - b) * c + b * torch.eye(2, dtype=D)
    ours = moments_after(process, mean, cov, grid[:301])
    torch.testing.assert_close(ours, (m, c))
    end_mean, end_cov = moments_after(process, mean, cov, grid)
    torch.testing.assert_close(end_mean, torch.zeros(2, dtype=D), rtol=0, atol=0.03)
    torch.testing.assert_close(end_cov, torch.eye(2, dtype=D), rtol=0, atol=1e-3)


@pytest.mark.row("F4")
def test_the_forward_joint_is_normalised_like_its_factors() -> None:
    """log q(x_1, x_2 | x_0) equals the log density of the bivariate normal with the chain's covariance."""
    process, times = Process("cosine"), torch.tensor([0, 0.3, 0.8], dtype=D)
    x0 = torch.tensor([[0.7]], dtype=D)
    path = forward_path(process, x0, times, gaussian_noise(4))
    a, b = process.marginal(x0, 0.3), process.marginal(x0, 0.8)
    gain = process.transition(torch.ones(1, 1, dtype=D), 0.3, 0.8).mean
    cov = torch.tensor([[a.var, gain * a.var], [gain * a.var, b.var]], dtype=D)
    expected = stats.multivariate_normal([a.mean.item(), b.mean.item()], cov.numpy()).logpdf(
        [path[1].item(), path[2].item()]
    )
    assert forward_log_prob(process, path, times).item() == pytest.approx(expected)


VAE = LinearVAE(weight=1.3, bias=0.2, var=0.5)
X = torch.linspace(-2, 3, 9, dtype=D)[:, None]


@pytest.mark.row("L1")
def test_the_evidence_two_ways_and_by_quadrature() -> None:
    z = torch.linspace(-1, 1, 9, dtype=D)[:, None]
    torch.testing.assert_close(VAE.log_evidence(X), VAE.log_evidence(X, z))
    for x, log_p in zip(X[:, 0].tolist(), VAE.log_evidence(X).tolist(), strict=True):

        def joint(z: float, x: float = x) -> float:
            return float(stats.norm.pdf(z) * stats.norm(1.3 * z + 0.2, 0.5**0.5).pdf(x))

        assert math.exp(log_p) == pytest.approx(integrate.quad(joint, -12, 12)[0], rel=1e-8)


@pytest.mark.row("L2")
def test_the_gap_of_the_bound_is_the_kl_to_the_posterior() -> None:
    encoder = Gaussian(0.3 * X - 0.1, torch.full_like(X, 0.4))
    torch.testing.assert_close(VAE.log_evidence(X), VAE.elbo(X, encoder) + encoder.kl(VAE.posterior(X)))
    torch.testing.assert_close(VAE.elbo(X, VAE.posterior(X)), VAE.log_evidence(X))


@pytest.mark.row("L3")
@pytest.mark.row("L2")
def test_the_vae_split_equals_the_expectation_of_the_log_ratio() -> None:
    encoder = Gaussian(0.3 * X - 0.1, torch.full_like(X, 0.4))
    nodes, weights = (torch.as_tensor(a) for a in __import__("numpy").polynomial.hermite_e.hermegauss(60))
    z = encoder.mean + encoder.var.sqrt() * nodes  # (9, 60)
    ratios = torch.stack([VAE.log_joint(X, z[:, k : k + 1]) - encoder.log_prob(z[:, k : k + 1]) for k in range(60)], 1)
    torch.testing.assert_close(VAE.elbo(X, encoder), (ratios * weights).sum(1) / weights.sum())
    mu, var = encoder.mean, encoder.var
    torch.testing.assert_close(standard_kl(encoder), 0.5 * (mu**2 + var - 1 - var.log())[:, 0])


@pytest.mark.row("L5")
@pytest.mark.filterwarnings("ignore::pedesis.process.PriorMismatch")
def test_which_processes_are_variational_diffusion_models(points: torch.Tensor) -> None:
    from pedesis.schedules import Linear

    assert all(variational_diffusion_properties(Process("linear"), points).values())
    assert variational_diffusion_properties(Process(Linear(steps=100)), points)["standard normal end"] is False
    assert variational_diffusion_properties(Process("edm", "ve"), points)["standard normal end"] is False
