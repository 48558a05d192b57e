"""Parameterizations, predictions and the exact denoisers."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from pedesis.denoiser import Denoiser, NetworkDenoiser, Prediction, drop
from pedesis.nn import MLP
from pedesis.parameterizations import PARAMETERIZATIONS
from pedesis.process import FRAMES, Process
from pedesis.theory.exact import EmpiricalDenoiser, Mixture, MixtureDenoiser, log_normal
from pedesis.utils.noise import gaussian_noise

D = torch.float64
TIMES = [0.05, 0.4, 0.97]


@pytest.mark.row("R5")
@pytest.mark.row("O4")
@pytest.mark.parametrize("name", list(PARAMETERIZATIONS))
@pytest.mark.parametrize("t", TIMES)
def test_every_parameterization_inverts_in_every_frame(
    process: Process, points: torch.Tensor, name: str, t: float
) -> None:
    parameterization = PARAMETERIZATIONS.build({"name": name})
    alpha, sigma, _ = process.scales(t, points)
    x0, eps = points, points.roll(3, 0)
    x_t = alpha * x0 + sigma * eps
    target = parameterization.target(x0, eps, alpha, sigma)
    torch.testing.assert_close(parameterization.x0(target, x_t, alpha, sigma), x0, rtol=1e-7, atol=1e-7)
    # an error in the output moves eps_hat by eps_error_scale times as much
    moved = parameterization.x0(target + 1e-3, x_t, alpha, sigma)
    change = (x_t - alpha * moved) / sigma - eps
    scale = parameterization.eps_error_scale(alpha, sigma)
    torch.testing.assert_close(change, 1e-3 * scale.expand_as(change), rtol=1e-5, atol=1e-9)


class Oracle(nn.Module):
    """A 'network' that returns a fixed output, to test the reading of it."""

    def __init__(self, output: torch.Tensor):
        super().__init__()
        self.output = output

    def forward(self, x: torch.Tensor, log_snr: torch.Tensor, condition: torch.Tensor | None) -> torch.Tensor:
        return self.output


@pytest.mark.parametrize("name", list(PARAMETERIZATIONS))
@pytest.mark.parametrize("frame", list(FRAMES))
def test_a_network_is_read_through_its_parameterization(points: torch.Tensor, name: str, frame: str) -> None:
    process = Process("cosine", frame)
    x0, eps = points, points.roll(3, 0)
    alpha, sigma, _ = process.scales(0.3, points)
    target = PARAMETERIZATIONS.build({"name": name}).target(x0, eps, alpha, sigma)
    denoiser = NetworkDenoiser(Oracle(target), process, name)
    predicted: Prediction = denoiser(alpha * x0 + sigma * eps, 0.3)
    torch.testing.assert_close(predicted.x0, x0)
    torch.testing.assert_close(predicted.eps, eps)
    torch.testing.assert_close(predicted.score, -eps / sigma)
    torch.testing.assert_close(predicted.v, alpha * eps - sigma * x0)


class Recorder(nn.Module):
    """A 'network' that remembers what it was shown."""

    def forward(self, x: torch.Tensor, log_snr: torch.Tensor, condition: torch.Tensor | None) -> torch.Tensor:
        self.seen = x, log_snr
        return torch.zeros_like(x)


@pytest.mark.parametrize("frame", list(FRAMES))
@pytest.mark.parametrize("t", TIMES)
def test_the_network_sees_unit_variance_and_only_the_log_snr(frame: str, t: float) -> None:
    process, network = Process("cosine", frame), Recorder()
    x0 = 0.5 * gaussian_noise(0)(torch.empty(20_000, 2))
    NetworkDenoiser(network, process, data_std=0.5)(process.marginal(x0, t).sample(gaussian_noise(1)), t)
    x, log_snr = network.seen
    assert x.std().item() == pytest.approx(1, abs=0.02)
    assert log_snr.shape == (20_000,)
    assert log_snr[0].item() == pytest.approx(process.log_snr(t).item(), abs=1e-4)


@pytest.mark.row("R7")
@pytest.mark.row("R8")
@pytest.mark.parametrize("frame", list(FRAMES))
@pytest.mark.parametrize("t", TIMES)
def test_the_score_of_a_mixture_is_the_gradient_of_its_log_density(
    mixture: Mixture, points: torch.Tensor, frame: str, t: float
) -> None:
    denoiser = MixtureDenoiser(mixture, Process("cosine", frame))
    x = points.requires_grad_()
    (gradient,) = torch.autograd.grad(denoiser.log_prob(x, t).sum(), x)
    torch.testing.assert_close(denoiser(x.detach(), t).score, gradient, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("rows", [1, 7], ids=["one covariance for all", "one for each row"])
def test_log_normal_is_the_density_of_torch_distributions(rows: int) -> None:
    noise = gaussian_noise(5)
    x, mean = noise(torch.empty(7, 1, 3, dtype=D)), noise(torch.empty(rows, 4, 3, dtype=D))
    root = noise(torch.empty(rows, 4, 3, 3, dtype=D))
    cov = root @ root.mT + 0.01 * torch.eye(3, dtype=D)
    expected = torch.distributions.MultivariateNormal(mean, cov).log_prob(x)
    torch.testing.assert_close(log_normal(x, mean, cov), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.row("F10")
@pytest.mark.parametrize("t", TIMES)
@pytest.mark.parametrize("label", [None, 0, 1])
def test_mixture_moments_agree_with_integration(mixture: Mixture, t: float, label: int | None) -> None:
    """E[x_0|x_t] and Var[x_0|x_t] by a sum over a fine grid of x_0, with Bayes' rule and nothing else."""
    process = Process("cosine")
    denoiser = MixtureDenoiser(mixture, process)
    axis = torch.linspace(-5, 5, 501, dtype=D)
    x0 = torch.cartesian_prod(axis, axis)
    x_t = torch.tensor([[0.4, -0.3]], dtype=D)
    condition = None if label is None else torch.tensor([label])
    clean = torch.stack(
        [
            torch.distributions.MultivariateNormal(m, c).log_prob(x0)
            for m, c in zip(mixture.means, mixture.covs, strict=True)
        ],
        1,
    )
    log_prior = (clean + mixture.log_weights(condition, 1)).logsumexp(1)
    log_posterior = log_prior + process.marginal(x0, t).log_prob(x_t.expand_as(x0))
    weights = log_posterior.softmax(0)
    mean = weights @ x0
    predicted = denoiser(x_t, t, condition)
    torch.testing.assert_close(predicted.x0[0], mean, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(predicted.variance[0], weights @ x0**2 - mean**2, rtol=1e-5, atol=1e-6)
    cell = (axis[1] - axis[0]) ** 2
    torch.testing.assert_close(
        denoiser.log_prob(x_t, t, condition), (log_posterior.logsumexp(0) + cell.log())[None], rtol=1e-6, atol=1e-6
    )


@pytest.mark.row("F10")
def test_the_training_set_is_a_mixture_of_narrow_gaussians(points: torch.Tensor) -> None:
    labels = torch.arange(16) % 2
    process = Process("linear")
    narrow = Mixture(torch.ones(16, dtype=D), points, 1e-12 * torch.eye(2, dtype=D).expand(16, 2, 2), labels)
    exact, empirical = MixtureDenoiser(narrow, process), EmpiricalDenoiser(points, process, labels)
    x = 1.3 * points.roll(5, 0)
    for condition in (None, torch.arange(16) % 2, torch.full((16,), -1)):
        for t in (0.2, 0.6, torch.linspace(0.1, 0.9, 16, dtype=D)):
            torch.testing.assert_close(empirical.x0(x, t, condition), exact.x0(x, t, condition), rtol=1e-6, atol=1e-8)
            torch.testing.assert_close(
                empirical.variance(x, t, condition), exact.variance(x, t, condition), rtol=1e-5, atol=1e-8
            )
            torch.testing.assert_close(
                empirical.log_prob(x, t, condition), exact.log_prob(x, t, condition), rtol=1e-6, atol=1e-6
            )
        back = [each.log_reverse(x, 0.9 * x, 0.3, 0.5, condition) for each in (empirical, exact)]
        torch.testing.assert_close(*back, rtol=1e-6, atol=1e-6)


def test_dropping_makes_rows_null() -> None:
    condition = torch.tensor([3, 4, 5])
    assert drop(condition, torch.tensor([True, False, True])).tolist() == [-1, 4, -1]  # type: ignore[union-attr]
    tokens = torch.ones(2, 4, dtype=torch.int64)
    assert drop(tokens, torch.tensor([False, True])).tolist() == [[1] * 4, [-1] * 4]  # type: ignore[union-attr]
    assert drop(None, torch.tensor([True])) is None


def test_a_missing_batch_axis_is_named() -> None:
    denoiser: Denoiser = NetworkDenoiser(MLP(), Process("cosine"))
    with pytest.raises(ValueError, match=r"batch axis first.*\(2,\)"):
        denoiser(torch.zeros(2), 0.5)


def test_a_second_output_is_a_share_of_the_largest_variance() -> None:
    process = Process("cosine")
    model = NetworkDenoiser(MLP(width=8, variance=True), process, "v")
    torch.nn.init.normal_(model.network.last.weight)  # type: ignore[union-attr, arg-type]
    x_t = gaussian_noise(0)(torch.empty(5, 2))
    predicted = model(x_t, 0.4)
    _, logit = model.network_output(x_t, process.log_snr(0.4))
    assert predicted.variance is not None and logit is not None
    alpha, sigma = process.alpha_sigma(process.log_snr(0.4))
    torch.testing.assert_close(predicted.variance, logit.sigmoid() * (sigma**2 / (alpha**2 + sigma**2)).float())
    torch.testing.assert_close(model.variance(x_t, 0.4), predicted.variance)
    assert NetworkDenoiser(MLP(width=8), process, "v")(x_t, 0.4).variance is None


def test_a_guidance_scale_is_told_to_a_network_that_takes_one() -> None:
    class Told(torch.nn.Module):
        config = SimpleNamespace(guided=True)

        def forward(self, x: torch.Tensor, log_snr: torch.Tensor, condition: None, scale: torch.Tensor) -> torch.Tensor:
            return scale[:, None].expand_as(x)

    model = NetworkDenoiser(Told(), Process("cosine"), "x0")
    x_t = torch.zeros(2, 3)
    assert model(x_t, 0.5).x0.tolist() == [[1.0] * 3] * 2
    assert model.at(2.5)(x_t, 0.5).x0.tolist() == [[2.5] * 3] * 2
    assert model.at(torch.tensor([0.0, 4.0]))(x_t, 0.5).x0[:, 0].tolist() == [0.0, 4.0]
    assert model(x_t, 0.5).x0.tolist() == [[1.0] * 3] * 2, "the model itself is as it was"
    with pytest.raises(ValueError, match="takes no guidance scale"):
        NetworkDenoiser(MLP(width=8), Process("cosine")).at(2.0)
