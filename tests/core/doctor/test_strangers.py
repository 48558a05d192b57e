"""Code in the styles of five well-known repositories, with one mistake or two, or none: what comes back is right.

lucidrains/denoising-diffusion-pytorch, openai/guided-diffusion, the annotated diffusion model,
cloneofsimo/minDiffusion, crowsonkb/k-diffusion.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from pedesis import doctor

T = 60
BETAS = torch.linspace(2e-3, 0.3, T)
ALPHAS = 1 - BETAS
BARS = ALPHAS.cumprod(0)
BEFORE = F.pad(BARS[:-1], (1, 0), value=1.0)
VARIANCE = BETAS * (1 - BEFORE) / (1 - BARS)
CLIPPED = torch.cat([VARIANCE[1:2], VARIANCE[1:]]).log()
"""log(np.append(posterior_variance[1], posterior_variance[1:])), as guided-diffusion has it."""


def extract(a: Tensor, t: Tensor, x_shape: Any) -> Tensor:
    return a.gather(-1, t).reshape(len(t), *[1] * (len(x_shape) - 1))


class GaussianDiffusion:
    """Methods that ask a network of their own, and pictures in [0, 1]."""

    model: Any = None

    def p_sample(self, x: Tensor, t: int, x_self_cond: Tensor | None = None) -> tuple[Tensor, Tensor]:
        times = torch.full((len(x),), t)
        x_start = extract((1 / BARS).sqrt(), times, x.shape) * x
        x_start = x_start - extract((1 / BARS - 1).sqrt(), times, x.shape) * self.model(x, times)
        mean = extract(BETAS * BEFORE.sqrt() / (1 - BARS), times, x.shape) * x_start
        mean = mean + extract((1 - BEFORE) * ALPHAS.sqrt() / (1 - BARS), times, x.shape) * x
        noise = torch.randn_like(x) if t > 0 else 0.0
        return mean + (0.5 * extract(VARIANCE.clamp(min=1e-20).log(), times, x.shape)).exp() * noise, x_start

    def forward(self, img: Tensor) -> Tensor:
        t, noise = torch.randint(0, T, (len(img),)), torch.randn_like(img)
        img = img * 2 - 1
        x = extract(BARS.sqrt(), t, img.shape) * img + extract((1 - BARS).sqrt(), t, img.shape) * noise
        return F.mse_loss(self.model(x, t), noise)


def test_a_method_without_a_model_is_asked_for_as_a_wrapper() -> None:
    (finding,) = doctor.examine(betas=BETAS, step=GaussianDiffusion().p_sample).findings
    assert finding.level == "question" and "def step(model, x_t, t): this.model = model" in finding.message, finding


def test_pictures_from_0_to_1_may_be_scaled_in_the_loss() -> None:
    diffusion = GaussianDiffusion()

    def loss(model: Any, x0: Tensor) -> Tensor:
        diffusion.model = model
        return diffusion.forward(x0)

    report = doctor.examine(betas=BETAS, loss=loss)
    assert report.ok and "from [0, 1] to [-1, 1] itself" in str(report), report


def guided(half: bool, mask: bool) -> Callable[..., dict[str, Tensor]]:
    def p_sample(
        model: Any, x: Tensor, t: Tensor, clip_denoised: bool = True, denoised_fn: Any = None, model_kwargs: Any = None
    ) -> dict[str, Tensor]:
        x0 = extract((1 / BARS).sqrt(), t, x.shape) * x - extract((1 / BARS - 1).sqrt(), t, x.shape) * model(x, t)
        x0 = x0.clamp(-1, 1) if clip_denoised else x0
        mean = extract(BETAS * BEFORE.sqrt() / (1 - BARS), t, x.shape) * x0
        mean = mean + extract((1 - BEFORE) * ALPHAS.sqrt() / (1 - BARS), t, x.shape) * x
        keep = (t != 0).float().view(-1, 1, 1, 1) if mask else 1.0
        spread = ((0.5 if half else 1.0) * extract(CLIPPED, t, x.shape)).exp()
        return {"sample": mean + keep * spread * torch.randn_like(x), "pred_xstart": x0}

    return p_sample


@pytest.mark.parametrize("half", [True, False])
@pytest.mark.parametrize("mask", [True, False])
def test_a_clipped_variance_hides_neither_the_missing_mask_nor_the_root(half: bool, mask: bool) -> None:
    report = doctor.examine(betas=BETAS, step=guided(half, mask))
    named = {"noise-without-root": not half, "noise-at-the-last-step": not mask}
    assert set(report.names) == {name for name, wrong in named.items() if wrong}, report


def annotated(model: Any, x: Tensor, t: Tensor, t_index: int) -> Tensor:
    """Three mistakes: no root in the mean, none in the noise, and uniform noise."""
    mean = extract((1 / ALPHAS).sqrt(), t, x.shape) * (
        x - extract(BETAS, t, x.shape) * model(x, t) / extract(1 - BARS, t, x.shape)
    )
    return mean if t_index == 0 else mean + extract(VARIANCE, t, x.shape) * torch.rand_like(x)


def test_three_mistakes_of_one_step_are_named() -> None:
    report = doctor.examine(betas=BETAS, step=annotated)
    assert set(report.names) == {"missing-root-in-mean", "noise-without-root", "uniform-noise"}, report


class DDPM:
    """t from 1 to T, told as a share of 1; the noise of a step is drawn before the model is asked."""

    def __init__(self, *wrong: str):
        self.wrong = wrong
        self.beta = F.pad(BETAS, (1, 0))
        self.bar = (1 - self.beta).cumprod(0)

    def forward(self, model: Any, x: Tensor) -> Tensor:
        t = torch.randint(1, T + ("range" not in self.wrong), (len(x),))
        eps = torch.randn_like(x)
        x_t = self.bar.sqrt()[t, None, None, None] * x + (1 - self.bar).sqrt()[t, None, None, None] * eps
        eps = torch.randn_like(x) if "twice" in self.wrong else eps
        return F.mse_loss(eps, model(x_t, t / T))

    def sample(self, model: Any, n_sample: int, size: Any) -> Tensor:
        x = torch.randn(n_sample, *size)
        for i in range(T, 0, -1):
            z = torch.randn(n_sample, *size) if i > 1 or "last" in self.wrong else 0
            eps = model(x, i / T)
            if "nan" in self.wrong and i == 20:
                eps = eps / 0
            x = (x - eps * self.beta[i] / (1 - self.bar[i]).sqrt()) / (1 - self.beta[i]).sqrt()
            x = x + (self.beta[i] if "root" in self.wrong else self.beta[i].sqrt()) * z
        return x


@pytest.mark.parametrize(
    ("wrong", "names"),
    [
        ((), ()),
        (("range", "twice"), ("noise-drawn-twice", "t-range")),
        (("root", "last"), ("noise-without-root", "noise-at-the-last-step")),
    ],
)
def test_noise_that_is_drawn_before_the_model_is_asked(wrong: tuple[str, ...], names: tuple[str, ...]) -> None:
    ddpm = DDPM(*wrong)
    report = doctor.examine(betas=BETAS, loss=ddpm.forward, sample=ddpm.sample)
    assert report.names == names, report


def test_a_loop_that_turns_to_nan_is_found_where_it_does() -> None:
    (finding,) = doctor.examine(betas=BETAS, sample=DDPM("nan").sample).findings
    assert "NaN or infinite after the step at t = 0.333" in finding.message, finding


def test_a_table_that_is_looked_up_at_minus_one_is_told_so() -> None:
    def ddim(model: Any, x: Tensor, t: Tensor) -> Tensor:
        bar, before = extract(BARS, t, x.shape), BARS[t - 1].view(-1, 1, 1, 1)
        eps, spread = model(x, t), ((1 - before) / (1 - bar) * (1 - bar / before)).sqrt()
        x0 = (x - (1 - bar).sqrt() * eps) / bar.sqrt()
        return before.sqrt() * x0 + (1 - before - spread**2).sqrt() * eps + spread * torch.randn_like(x)

    assert "a table at -1 gives its last entry" in str(doctor.examine(betas=BETAS, step=ddim))


def cfg_w(eps1: Tensor, eps2: Tensor, guide_w: float) -> Tensor:
    return (1 + guide_w) * eps1 - guide_w * eps2


def cfg_scale(logits: Tensor, null_logits: Tensor, cond_scale: float) -> Tensor:
    return logits + (logits - null_logits) * cond_scale


def rescaled(cond: Tensor, uncond: Tensor, scale: float) -> Tensor:
    return 0.7 * (uncond + scale * (cond - uncond))


def test_guidance_speaks_of_scales() -> None:
    right = doctor.examine(guidance=cfg_w)
    assert right.ok and "w = 0 is conditional" in str(right) and "t is read" not in str(right), right
    assert doctor.examine(guidance=cfg_scale).names == ("guidance-other-convention",)
    said = str(doctor.examine(guidance=rescaled))
    assert "off at scale 0.5, 1, 2, 3, 7.5, 0.7 times as large everywhere" in said, said
    said = str(doctor.examine(guidance=lambda x, scale: x * scale))
    assert "It has too few; wrap it" in said, said


def test_an_ancestral_step_that_forgets_x_t_is_read_as_far_as_it_goes() -> None:
    """sigma_up without its root is cut off at sigma_to: all of x_t is replaced by noise."""

    def sample(model: Any, x: Tensor, sigmas: Tensor) -> Tensor:
        for now, then in itertools.pairwise(sigmas):
            up = min(then, then**2 * (now**2 - then**2) / now**2)
            d = (x - model(x, now * x.new_ones(len(x)))) / now
            x = x + d * ((then**2 - up**2).sqrt() - now)
            x = x + torch.randn_like(x) * up if then > 0 else x
        return x

    sigmas = torch.cat([torch.linspace(10 ** (1 / 7), 0.03 ** (1 / 7), 20) ** 7, torch.zeros(1)])
    said = str(doctor.examine(sigmas=sigmas, sample=sample, prediction="x0"))
    assert "the factor of x_t at t = 20 is 0; it should be" in said and "19 of 20 could not be read" in said, said


def test_a_loss_of_nan_is_said_to_be_nan() -> None:
    (finding,) = doctor.examine(betas=BETAS, loss=lambda model, x0: model(x0, 1).mean() * torch.nan).findings
    assert finding.message == "loss gave back nan"


def ddim_of_the_paper(skip: int, wrap: bool = False) -> Callable[..., Tensor]:
    """ermongroup/ddim: steps that are left out are counted from the beginning, and alpha_bar at -1 is 1."""

    def generalized_steps(model: Any, x: Tensor, eta: float = 0.0) -> Tensor:
        seq = list(range(0, T, skip))
        for i, j in zip(reversed(seq), reversed([-1, *seq[:-1]]), strict=True):
            at, an = BARS[i], torch.ones(()) if j < 0 and not wrap else BARS[j]
            et = model(x, torch.full((len(x),), i))
            c1 = eta * ((1 - at / an) * (1 - an) / (1 - at)).sqrt()
            x = an.sqrt() * (x - et * (1 - at).sqrt()) / at.sqrt() + c1 * torch.randn_like(x)
            x = x + ((1 - an) - c1**2).sqrt() * et
        return x

    return generalized_steps


def test_steps_counted_from_the_beginning_are_no_mistake_where_the_first_is_noise() -> None:
    report = doctor.examine(betas=BETAS, sample=ddim_of_the_paper(5))
    assert report.ok and "as if x were pure noise there" in str(report), report
    assert doctor.examine(betas=BETAS, sample=ddim_of_the_paper(40)).names == ("t-range",)
    assert "a table looked up at -1" in str(doctor.examine(betas=BETAS, sample=ddim_of_the_paper(5, wrap=True)))


def dome(first: int, whole: bool) -> Callable[..., Tensor]:
    """dome272/Diffusion-Models-pytorch: `first` is the last step, and the result may be made of bytes."""

    def sample(model: Any, n: int) -> Tensor:
        x = torch.randn((n, 3, 8, 8))
        for i in reversed(range(first, T)):
            noise = torch.randn_like(x) if i > first else torch.zeros_like(x)
            eps = model(x, torch.full((n,), i))
            x = 1 / ALPHAS[i].sqrt() * (x - (1 - ALPHAS[i]) / (1 - BARS[i]).sqrt() * eps) + BETAS[i].sqrt() * noise
        return (127.5 * (x.clamp(-1, 1) + 1)).type(torch.uint8) if whole else x

    return sample


@pytest.mark.parametrize(("first", "whole"), [(0, False), (0, True), (1, False), (1, True)])
def test_what_is_wrong_with_the_end_of_a_walk_is_not_read_into_its_steps(first: int, whole: bool) -> None:
    report = doctor.examine(betas=BETAS, sample=dome(first, whole))
    assert report.names == (("t-range",) if first else ()), report
    assert ("is not read" in str(report)) == bool(first or whole)


def test_one_mistake_in_two_lines_is_one_finding() -> None:
    def ddim(v: Tensor, x: Tensor, t: Tensor) -> Tensor:
        a, s, before = (extract(each, t, x.shape) for each in (BARS.sqrt(), (1 - BARS).sqrt(), BEFORE))
        return before.sqrt() * (a * x + s * v) + (1 - before).sqrt() * (s * x - a * v)

    (finding,) = doctor.examine(betas=BETAS, step=ddim, prediction="v").findings
    assert finding.entry == "sign-of-v" and finding.wrong.count(" = ") == 2, finding


@pytest.mark.parametrize("kind", ["dictionary", "number"])
def test_the_loss_among_other_results(kind: str) -> None:
    def loss(model: Any, x0: Tensor) -> Any:
        t, noise = torch.randint(0, T, (len(x0),)), torch.randn_like(x0)
        x = extract(BARS.sqrt(), t, x0.shape) * x0 + extract((1 - BARS).sqrt(), t, x0.shape) * noise
        pred = model(x, t)
        value = F.mse_loss(pred, noise)
        return {"pred": pred, "loss": value} if kind == "dictionary" else value.item()

    report = doctor.examine(betas=BETAS, loss=loss)
    assert report.ok if kind == "dictionary" else "give the tensor, before .item()" in str(report), report


@pytest.mark.parametrize("root", [True, False])
def test_a_network_that_answers_a_variance_too(root: bool) -> None:
    """Improved DDPM: twice the channels, the second half between the logarithms of both variances."""

    def p_sample(model: Any, x: Tensor, t: Tensor) -> Tensor:
        eps, share = model(x, t).chunk(2, 1)
        share = (share + 1) / 2
        log_variance = share * extract(BETAS.log(), t, x.shape) + (1 - share) * extract(CLIPPED, t, x.shape)
        scale = extract(BETAS / (1 - BARS).sqrt(), t, x.shape)
        mean = (x - scale * eps) / extract(ALPHAS.sqrt(), t, x.shape)
        keep = (t != 0).float().view(-1, 1, 1, 1)
        return mean + keep * ((0.5 if root else 1.0) * log_variance).exp() * torch.randn_like(x)

    def loss(model: Any, x0: Tensor) -> Tensor:
        t, noise = torch.randint(0, T, (len(x0),)), torch.randn_like(x0)
        x = extract(BARS.sqrt(), t, x0.shape) * x0 + extract((1 - BARS).sqrt(), t, x0.shape) * noise
        eps, share = model(x, t).chunk(2, 1)
        return F.mse_loss(eps, noise) + 1e-3 * share.square().mean()

    def sample(model: Any, shape: Any) -> Tensor:
        x = torch.randn(shape)
        for i in reversed(range(T)):
            x = p_sample(model, x, torch.full((len(x),), i))
        return x

    report = doctor.examine(betas=BETAS, step=p_sample, loss=loss, sample=sample)
    assert report.names == (() if root else ("noise-without-root",) * 2), report
    assert "answers a variance too" in str(report)
