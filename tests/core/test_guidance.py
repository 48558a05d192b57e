"""Guidance on exact models, where the truth is known."""

import itertools

import pytest
import torch

from pedesis.denoiser import Condition, Denoiser
from pedesis.guidance.autoguidance import AutoGuidance
from pedesis.guidance.classifier_free import (
    AdaptiveProjectedGuidance,
    CFGPlusPlus,
    ClassifierFreeGuidance,
    RescaledGuidance,
    from_w,
)
from pedesis.guidance.classifier_guidance import ClassifierGuidance, class_gradient, shifted_mean
from pedesis.guidance.composition import Composition
from pedesis.guidance.interval import GuidanceInterval
from pedesis.guidance.thresholding import DynamicThresholding, StaticThresholding
from pedesis.process import FRAMES, Process, Time
from pedesis.theory.exact import Mixture, MixtureDenoiser

D = torch.float64


@pytest.fixture(params=list(FRAMES))
def denoiser(request: pytest.FixtureRequest, mixture: Mixture) -> MixtureDenoiser:
    return MixtureDenoiser(mixture, Process("cosine", request.param))


@pytest.mark.row("N11")
@pytest.mark.parametrize("t", [0.1, 0.5, 0.9])
def test_scale_one_is_conditional_and_zero_unconditional(
    denoiser: MixtureDenoiser, points: torch.Tensor, t: float
) -> None:
    label = torch.arange(16) % 2
    plain, conditional = denoiser(points, t), denoiser(points, t, label)
    torch.testing.assert_close(ClassifierFreeGuidance(denoiser, 1)(points, t, label).x0, conditional.x0)
    torch.testing.assert_close(ClassifierFreeGuidance(denoiser, 0)(points, t, label).x0, plain.x0)
    torch.testing.assert_close(ClassifierFreeGuidance(denoiser, 3)(points, t).x0, plain.x0)


@pytest.mark.row("N11")
@pytest.mark.parametrize("scale", [0.5, 2.0, 7.0])
def test_the_guided_score_is_that_of_the_sharpened_density(
    denoiser: MixtureDenoiser, points: torch.Tensor, scale: float
) -> None:
    """grad log [ q(x_t|y)^g q(x_t)^(1-g) ], by differentiating the exact log densities."""
    label, x = torch.arange(16) % 2, points.requires_grad_()
    log_density = scale * denoiser.log_prob(x, 0.4, label) + (1 - scale) * denoiser.log_prob(x, 0.4)
    (gradient,) = torch.autograd.grad(log_density.sum(), x)
    guided = ClassifierFreeGuidance(denoiser, scale)(x.detach(), 0.4, label)
    torch.testing.assert_close(guided.score, gradient, rtol=1e-7, atol=1e-7)


def test_each_row_may_have_its_own_scale_and_condition(denoiser: MixtureDenoiser, points: torch.Tensor) -> None:
    scales = torch.tensor([0.0, 1.0, 2.0, 5.0] * 4)
    label = torch.arange(16) % 3 - 1  # some rows null
    predict_batched = ClassifierFreeGuidance(denoiser, scales)(points, 0.3, label).x0
    for i in range(16):
        alone = ClassifierFreeGuidance(denoiser, float(scales[i]))(points[i : i + 1], 0.3, label[i : i + 1]).x0
        torch.testing.assert_close(predict_batched[i : i + 1], alone)


class Counting(Denoiser):
    """Counts the rows it is asked for."""

    rows = 0

    def x0(self, x_t: torch.Tensor, t: Time, condition: Condition = None) -> torch.Tensor:
        self.rows += len(x_t)
        return torch.zeros_like(x_t)


@pytest.mark.parametrize(("scale", "rows"), [(0, 4), (1, 4), (2, 8)])
def test_only_the_halves_that_count_are_computed(scale: float, rows: int) -> None:
    counting = Counting(Process("cosine"))
    ClassifierFreeGuidance(counting, scale)(torch.zeros(4, 2), 0.5, torch.zeros(4, dtype=torch.int64))
    assert counting.rows == rows


@pytest.mark.parametrize("scale", [float("nan"), float("inf"), -0.5])
def test_a_scale_that_is_no_scale_is_refused(denoiser: MixtureDenoiser, scale: float) -> None:
    with pytest.raises(ValueError, match="guidance scale"):
        ClassifierFreeGuidance(denoiser, scale)


def test_papers_that_write_w() -> None:
    assert from_w(0.0) == 1 and from_w(-1.0) == 0 and from_w(2.5) == 3.5


class Fixed(Denoiser):
    """Always the same answer."""

    def __init__(self, answer: torch.Tensor):
        super().__init__(Process("cosine"))
        self.answer = answer

    def x0(self, x_t: torch.Tensor, t: Time, condition: Condition = None) -> torch.Tensor:
        return self.answer


def test_clipping_keeps_estimates_in_range_and_eps_consistent() -> None:
    answer = torch.tensor([[0.5, -3.0, 1.5, 0.0]], dtype=D)
    x = torch.ones(1, 4, dtype=D)
    predicted = StaticThresholding(Fixed(answer))(x, 0.4)
    assert predicted.x0.tolist() == [[0.5, -1.0, 1.0, 0.0]]
    torch.testing.assert_close(predicted.alpha * predicted.x0 + predicted.sigma * predicted.eps, x)


def test_dynamic_threshold_rescales_only_what_exceeds_the_limit() -> None:
    inside, outside = torch.linspace(-0.9, 0.9, 101, dtype=D), torch.linspace(-4, 4, 101, dtype=D)
    predicted = DynamicThresholding(Fixed(torch.stack([inside, outside])), quantile=0.9)(
        torch.zeros(2, 101, dtype=D), 0.4
    )
    torch.testing.assert_close(predicted.x0[0], inside)
    size = outside.abs().quantile(0.9)
    torch.testing.assert_close(predicted.x0[1], outside.clamp(-size, size) / size)


@pytest.mark.row("N10")
@pytest.mark.parametrize("t", [0.05, 0.5, 0.95])
def test_the_exact_classifier_turns_the_unconditional_model_into_the_conditional_one(
    denoiser: MixtureDenoiser, points: torch.Tensor, t: float
) -> None:
    label = torch.arange(16) % 2
    guided, conditional = (
        ClassifierGuidance(denoiser, denoiser.log_class, 1)(points, t, label),
        denoiser(points, t, label),
    )
    torch.testing.assert_close(guided.x0, conditional.x0, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(guided.eps, conditional.eps, rtol=1e-9, atol=1e-9)


@pytest.mark.row("N10")
@pytest.mark.parametrize("scale", [0.0, 2.5])
def test_x0_score_and_eps_forms_of_classifier_guidance_are_one(
    denoiser: MixtureDenoiser, points: torch.Tensor, scale: float
) -> None:
    label = torch.arange(16) % 3 - 1
    plain, guided = denoiser(points, 0.4), ClassifierGuidance(denoiser, denoiser.log_class, scale)(points, 0.4, label)
    gradient = class_gradient(denoiser.log_class, points, 0.4, label)
    torch.testing.assert_close(guided.score, plain.score + scale * gradient)
    torch.testing.assert_close(guided.eps, plain.eps - scale * plain.sigma * gradient)
    torch.testing.assert_close(guided.x0[label < 0], plain.x0[label < 0])


@pytest.mark.row("N10")
def test_the_mean_form_differs_by_the_square_of_the_step(mixture: Mixture, points: torch.Tensor) -> None:
    from pedesis.theory.reverse import PosteriorVariance, reverse_kernel

    process = Process("cosine")
    denoiser, label, t = MixtureDenoiser(mixture, process), torch.arange(16) % 2, 0.5
    gaps = []
    for h in (0.02, 0.01, 0.005):
        exact = reverse_kernel(
            process,
            ClassifierGuidance(denoiser, denoiser.log_class, 2)(points, t, label),
            t - h,
            t,
            PosteriorVariance(),
        )
        plain = reverse_kernel(process, denoiser(points, t), t - h, t, PosteriorVariance())
        gradient = class_gradient(denoiser.log_class, plain.mean, t, label)
        gaps.append((shifted_mean(plain, gradient, 2).mean - exact.mean).abs().mean().item())
    assert all(3.3 < a / b < 4.7 for a, b in itertools.pairwise(gaps)), gaps


@pytest.mark.parametrize("scale", [0.3, 0.8])
def test_cfg_plus_plus_under_ddim_is_classifier_free_guidance_with_another_scale(
    mixture: Mixture, points: torch.Tensor, scale: float
) -> None:
    from pedesis.samplers import DDIM

    process, label = Process("cosine"), torch.arange(16) % 2
    denoiser = MixtureDenoiser(mixture, process)
    t, s = 0.6, 0.45
    times = torch.tensor([t, s], dtype=D)
    gap = process.log_snr(t) - process.log_snr(s)
    other = scale / (1 - torch.exp(gap / 2))
    one = DDIM().sample(CFGPlusPlus(denoiser, scale), points, times, label)
    two = DDIM().sample(ClassifierFreeGuidance(denoiser, other), points, times, label)
    torch.testing.assert_close(one, two)


def test_autoguidance_with_the_unconditional_model_as_the_weak_one_is_classifier_free(
    denoiser: MixtureDenoiser, points: torch.Tensor
) -> None:
    label = torch.arange(16) % 2

    class Unconditional(Denoiser):
        def x0(self, x_t: torch.Tensor, t: Time, condition: Condition = None) -> torch.Tensor:
            return denoiser.x0(x_t, t)

    auto = AutoGuidance(denoiser, Unconditional(denoiser.process), 2.5)(points, 0.3, label)
    torch.testing.assert_close(auto.x0, ClassifierFreeGuidance(denoiser, 2.5)(points, 0.3, label).x0)


def test_composition_is_the_score_of_the_product_of_densities(mixture: Mixture, points: torch.Tensor) -> None:
    overlapping = Mixture(mixture.weights, mixture.means, mixture.covs, torch.tensor([0, 1, 2]))
    denoiser, x = MixtureDenoiser(overlapping, Process("cosine")), points.requires_grad_()
    zero, two = torch.zeros(16, dtype=torch.int64), torch.full((16,), 2)
    plain = denoiser.log_prob(x, 0.5)
    log_density = (
        plain + 1.0 * (denoiser.log_prob(x, 0.5, zero) - plain) - 0.5 * (denoiser.log_prob(x, 0.5, two) - plain)
    )
    (gradient,) = torch.autograd.grad(log_density.sum(), x)
    composed = Composition(denoiser, [(zero, 1.0), (two, -0.5)])(x.detach(), 0.5)
    torch.testing.assert_close(composed.score, gradient, rtol=1e-7, atol=1e-7)
    torch.testing.assert_close(
        Composition(denoiser, [(zero, 3.0)])(x.detach(), 0.5).x0,
        ClassifierFreeGuidance(denoiser, 3)(x.detach(), 0.5, zero).x0,
    )


def test_the_interval_chooses_by_log_snr(denoiser: MixtureDenoiser, points: torch.Tensor) -> None:
    label, guided = torch.arange(16) % 2, ClassifierFreeGuidance(denoiser, 4)
    limited = GuidanceInterval(denoiser, guided, low=-2.1, high=2.1)
    times = denoiser.process.schedule.time(torch.linspace(-6, 6, 16, dtype=D))
    inside = torch.linspace(-6, 6, 16).abs() < 2.1
    expected = torch.where(inside[:, None], guided(points, times, label).x0, denoiser(points, times, label).x0)
    torch.testing.assert_close(limited(points, times, label).x0, expected)
    for t in (float(times[0]), float(times[8]), float(times[15])):
        which = guided if abs(denoiser.process.log_snr(t)) < 2.1 else denoiser
        torch.testing.assert_close(limited(points, t, label).x0, which(points, t, label).x0)


def test_rows_inside_the_interval_keep_the_noise_of_their_rule(denoiser: MixtureDenoiser, points: torch.Tensor) -> None:
    """In CFG++ eps does not explain x_t with the guided x0: it is the unconditional one."""
    label, rule = torch.arange(16) % 2, CFGPlusPlus(denoiser, 0.6)
    times = denoiser.process.schedule.time(torch.linspace(-6, 6, 16, dtype=D))
    limited = GuidanceInterval(denoiser, rule, low=-2.1, high=2.1)(points, times, label)
    inside = (torch.linspace(-6, 6, 16).abs() < 2.1)[:, None]
    whole, plain = rule(points, times, label).eps, denoiser(points, times, label).eps
    torch.testing.assert_close(limited.eps, torch.where(inside, whole, plain))
    assert not torch.allclose(whole, rule.prediction(points, times, rule(points, times, label).x0).eps)


def test_rescaling_keeps_the_spread_of_the_conditional_estimate() -> None:
    class Halves(Denoiser):
        def x0(self, x_t: torch.Tensor, t: Time, condition: Condition = None) -> torch.Tensor:
            assert condition is not None
            return torch.where(condition[:, None] >= 0, x_t, -0.2 * x_t)

    x, label = torch.linspace(-1, 1, 9, dtype=D).repeat(2, 1), torch.tensor([0, 1])
    full = RescaledGuidance(Halves(Process("cosine")), 5, phi=1.0)(x, 0.4, label).x0
    torch.testing.assert_close(full.std(1), x.std(1))
    flat = RescaledGuidance(Halves(Process("cosine")), 5)(torch.zeros(2, 9, dtype=D), 0.4, label).x0
    assert torch.equal(flat, torch.zeros(2, 9, dtype=D)), "a row without any spread stays as it is"
    plain = ClassifierFreeGuidance(Halves(Process("cosine")), 5)(x, 0.4, label).x0
    torch.testing.assert_close(RescaledGuidance(Halves(Process("cosine")), 5, phi=0.0)(x, 0.4, label).x0, plain)


def test_projection_removes_the_push_along_the_estimate(denoiser: MixtureDenoiser, points: torch.Tensor) -> None:
    label = torch.arange(16) % 2
    conditional, plain = denoiser(points, 0.4, label).x0, denoiser(points, 0.4).x0
    pushed = AdaptiveProjectedGuidance(denoiser, 6, parallel=0.0)(points, 0.4, label).x0 - conditional
    torch.testing.assert_close((pushed * conditional).sum(1), torch.zeros(16, dtype=D), rtol=0, atol=1e-9)
    torch.testing.assert_close(
        AdaptiveProjectedGuidance(denoiser, 6, parallel=1.0)(points, 0.4, label).x0,
        ClassifierFreeGuidance(denoiser, 6)(points, 0.4, label).x0,
    )
    assert not torch.allclose(plain, conditional)
    length = 0.5 * (conditional - plain).norm(dim=1).median().item()
    short = (AdaptiveProjectedGuidance(denoiser, 6, 1.0, limit=length)(points, 0.4, label).x0 - conditional) / 5
    expected = (conditional - plain).norm(dim=1).clamp(max=length)
    torch.testing.assert_close(short.norm(dim=1), expected)
    with pytest.raises(ValueError, match="positive length"):
        AdaptiveProjectedGuidance(denoiser, 6, limit=0)
