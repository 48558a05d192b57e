r"""Is it good, and does it memorize? The error of a model at every noise level, between two known curves.

With SNR = alpha^2 / sigma^2, D elements and the error ||eps - eps_hat||^2 / D = SNR ||x_0 - x0_hat||^2 / D:

- the best linear denoiser (Wiener 1949), x0_hat = m + S (S + I / SNR)^-1 (x_t / alpha - m), from mean and covariance of
  the training set, which any network must beat on pictures it has never seen;
- the training set's own optimum, `EmpiricalDenoiser`, the least error that the training loss allows. A model that
  reaches it there gives back its training set, and is far worse on other pictures.

All are asked about the same noise, so that their differences are sharper than each of them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pedesis.denoiser import Denoiser
from pedesis.doctor.affine import behavior
from pedesis.doctor.formulas import X0_FROM, evaluate
from pedesis.doctor.report import Finding, Report
from pedesis.doctor.sandbox import Failed, described, isolated, tensors
from pedesis.doctor.schedule import examine_schedule
from pedesis.doctor.sigma import examine_sigmas
from pedesis.doctor.signatures import Question
from pedesis.process import Process
from pedesis.schedules import ElucidatedDiffusion, FromBetas
from pedesis.theory.exact import EmpiricalDenoiser
from pedesis.utils.noise import gaussian_noise
from pedesis.utils.registry import UnknownName, shown

Estimate = Callable[[Tensor, Tensor], Tensor]
"""(x_t (B, ...), the time t in [0, 1], 0-d) -> x0_hat."""
SURE = 4.0
"""Standard errors by which a difference must exceed zero to be a finding."""


@dataclass(frozen=True)
class TrainingReport:
    """Errors of eps per element, 1 for a model that answers zero; float64, (levels,) each.

    Attributes:
        t: times in (0, 1]. log_snr: nats.
        held_out: of the model on held-out data. linear: of the best linear denoiser there.
        training: of the model on its training set. optimum: the least possible there. None without a training set.
        report: what was found.
    """

    t: Tensor
    log_snr: Tensor
    held_out: Tensor
    linear: Tensor
    training: Tensor | None
    optimum: Tensor | None
    report: Report

    def __str__(self) -> str:
        columns = {
            "log SNR": self.log_snr, "held out": self.held_out, "linear": self.linear, "training": self.training,
            "optimum": self.optimum,
        }  # fmt: skip
        shown = {name: values.tolist() for name, values in columns.items() if values is not None}
        rows = ["".join(f"{value:>10.3g}" for value in row) for row in zip(*shown.values(), strict=True)]
        return "\n".join([str(self.report), "".join(f"{name:>10}" for name in shown), *rows])

    def _repr_html_(self) -> str:
        return self.report._repr_html_()


def training(
    model: Any,
    held_out: Tensor,
    *,
    training: Tensor | None = None,
    betas: Any = None,
    alphas_cumprod: Any = None,
    sigmas: Any = None,
    prediction: str = "eps",
    t_from: int = 0,
    levels: int = 12,
    rows: int = 256,
    seed: int = 0,
) -> TrainingReport:
    """Examine a trained model on data that it was not trained on.

    Args:
        model: a `Denoiser`; any (x_t, t) -> prediction with t (B,) int64 and betas or alphas_cumprod given; or any
            (x, sigma) -> denoised picture with sigma (B,) and sigmas given, x = x_0 + sigma noise (k-diffusion, EDM).
        held_out: (N, ...), as the model was fed: N >= 2, the same range and shape as in training.
        training: the training set (M, ...), M >= 2; without it, nothing is said about memorization, and the linear
            denoiser is that of the held-out data.
        sigmas: the noise levels that such a model knows; the smallest and the largest count.
        prediction, t_from: what `model` predicts, and the number of its first step; only with betas, alphas_cumprod.
        levels: how many noise levels, evenly spaced in log-SNR. rows: of each set, how many examples are asked.
        seed: of the noise.

    Raises:
        ValueError: data of fewer than two examples or of unequal shapes; a model without a schedule.
        UnknownName: a prediction that is none of "eps", "x0", "v".
    """
    known = held_out if training is None else training
    for name, data in (("held_out", held_out), ("training", known)):
        if data.ndim < 2 or len(data) < 2 or not data.is_floating_point() or not bool(data.isfinite().all()):
            raise ValueError(f"{name} should be two or more finite examples (N, ...); got {tuple(data.shape)}")
    if held_out.shape[1:] != known.shape[1:]:
        shapes = tuple(held_out.shape[1:]), tuple(known.shape[1:])
        raise ValueError(f"held_out has examples of shape {shapes[0]}, training of {shapes[1]}; they should be alike")
    held_out, known = held_out.double(), known.double()
    with isolated():
        try:
            if sigmas is not None and not isinstance(model, Denoiser):
                process, t, estimate = told_sigma(model, sigmas, levels)
            else:
                process, t, estimate = understood(model, betas, alphas_cumprod, prediction, t_from, levels)
            linear = Wiener(known, process)
            mine = errors(process, t, held_out[:rows], [estimate, linear], seed)
            own = [] if training is None else [estimate, EmpiricalDenoiser(known, process).x0]
            theirs = errors(process, t, known[:rows], own, seed + 1) if own else None
        except Failed as problem:
            nothing = torch.empty(0, dtype=torch.float64)
            fault = Finding("model", f"the model {problem}")
            return TrainingReport(nothing, nothing, nothing, nothing, None, None, Report.of(["training"], [fault]))
    found = [*beaten(process.log_snr(t), *mine), *(memorized(process.log_snr(t), mine[0], *theirs) if theirs else ())]
    held, best = (each.mean(1) for each in mine)
    seen, least = (each.mean(1) for each in theirs) if theirs else (None, None)
    return TrainingReport(t, process.log_snr(t), held, best, seen, least, Report.of(["training"], found))


def understood(
    model: Any, betas: Any, alphas_cumprod: Any, prediction: str, t_from: int, levels: int
) -> tuple[Process, Tensor, Estimate]:
    """The process of a model, the times at which it is asked, and its estimate of x_0."""
    if isinstance(model, Denoiser):
        own = model.process
        ends = own.log_snr(torch.tensor([0.0, 1.0], dtype=torch.float64)).clamp(-10, 10)
        t = own.schedule.time(torch.linspace(float(ends[0]), float(ends[1]), levels, dtype=torch.float64))
        kept = next((p.dtype for p in model.parameters()), torch.float64)
        own_estimate: Estimate = lambda x, t: model(x.to(kept), t).x0.double()  # noqa: E731
        return own, t, own_estimate
    if prediction not in X0_FROM:
        raise UnknownName("prediction", prediction, X0_FROM)
    if betas is None and alphas_cumprod is None:
        raise ValueError("a model that is no Denoiser is asked along a chain; give betas=, alphas_cumprod= or sigmas=")
    try:
        chain = examine_schedule(betas, alphas_cumprod)[0]
    except Question as question:
        raise ValueError(str(question)) from None
    if chain is None:
        raise ValueError("these betas are no chain; doctor.examine(betas=...) says why")
    steps = len(chain.beta) - 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `examine` is who judges the schedule
        process = Process(FromBetas(chain.beta[1:]))
    every = process.log_snr(torch.arange(1, steps + 1, dtype=torch.float64) / steps)
    wanted = torch.linspace(float(every[0]), float(every[-1]), levels, dtype=torch.float64)
    index = (every[None] - wanted[:, None]).abs().argmin(1).unique() + 1

    def estimate(x: Tensor, t: Tensor) -> Tensor:
        number = int((t * steps).round())
        alpha_bar = chain.alpha_bar[number]
        time = torch.full((len(x),), number - 1 + t_from)
        said_ = answer(model, x, time)
        result: Tensor = evaluate(X0_FROM[prediction], {"x_t": x, "prediction": said_, "alpha_bar": alpha_bar})
        return result

    return process, index.double() / steps, estimate


def told_sigma(model: Any, sigmas: Any, levels: int) -> tuple[Process, Tensor, Estimate]:
    """The same for a model (x, sigma) -> denoised picture; raises ValueError for sigmas that are none."""
    try:
        chain = examine_sigmas(sigmas)[0]
    except Question as question:
        raise ValueError(str(question)) from None
    if chain is None or len(chain.sigma) < 3:
        raise ValueError(f"sigmas are two or more noise levels, rising or falling; got {shown(sigmas)}")
    process = Process(ElucidatedDiffusion(float(chain.sigma[1]), float(chain.sigma[-1])), "ve")
    ends = process.log_snr(torch.tensor([0.0, 1.0], dtype=torch.float64))
    t = process.schedule.time(torch.linspace(float(ends[0]), float(ends[1]), levels, dtype=torch.float64))

    def estimate(x: Tensor, t: Tensor) -> Tensor:
        return answer(model, x, process.scales(t, x)[1].flatten().expand(len(x)))

    return process, t, estimate


def answer(model: Any, x: Tensor, t: Tensor) -> Tensor:
    """What somebody's model says, in its own precision. Raises Failed if that is no answer."""
    kept = next(model.parameters(), torch.empty(0)) if isinstance(model, torch.nn.Module) else x
    try:
        told = t.to(kept) if t.is_floating_point() else t.to(kept.device)
        outputs = tensors(model(x.to(kept), told))
    except Exception as error:  # other people's code may raise anything
        raise Failed(f"raised {described(error)}") from None
    if not outputs or outputs[0].shape != x.shape:
        shape = tuple(outputs[0].shape) if outputs else "no tensor"
        raise Failed(f"gave back {shape} for inputs of shape {tuple(x.shape)}")
    result: Tensor = outputs[0].to(x)
    return result


class Wiener:
    """The best linear estimate of x_0 from x_t, for the mean and covariance of these data (N, ...)."""

    def __init__(self, data: Tensor, process: Process):
        self.process, self.mean = process, data.flatten(1).mean(0)
        _, scale, self.axes = torch.linalg.svd(data.flatten(1) - self.mean, full_matrices=False)
        self.variance = scale**2 / len(data)

    def __call__(self, x_t: Tensor, t: Tensor) -> Tensor:
        alpha, sigma, _ = self.process.scales(t, x_t.flatten(1))
        gain = self.variance / (self.variance + (sigma / alpha) ** 2)
        centered = x_t.flatten(1) / alpha - self.mean
        result: Tensor = self.mean + (centered @ self.axes.mT * gain) @ self.axes
        return result.reshape(x_t.shape)


def errors(process: Process, t: Tensor, data: Tensor, estimates: list[Estimate], seed: int) -> list[Tensor]:
    """||eps - eps_hat||^2 / D of each estimate for every level and example, (levels, N), all of the same noise."""
    noise = gaussian_noise(seed)
    found: list[list[Tensor]] = [[] for _ in estimates]
    for now in t:
        x_t = process.marginal(data, now).sample(noise)
        alpha, sigma, _ = process.scales(now, x_t)
        for rows, estimate in zip(found, estimates, strict=True):
            x0 = torch.cat([estimate(part, now) for part in x_t.split(64)])
            rows.append(((alpha / sigma * (x0 - data)) ** 2).flatten(1).mean(1))
    return [torch.stack(rows) for rows in found]


def clearly(difference: Tensor) -> Tensor:
    """Where the mean of differences (levels, N) is above zero by `SURE` standard errors, (levels,) bool."""
    sure: Tensor = difference.mean(1) > SURE * difference.std(1) / difference.shape[1] ** 0.5
    return sure


def beaten(log_snr: Tensor, model: Tensor, linear: Tensor) -> list[Finding]:
    """Findings where a model is worse than the best linear denoiser; else by how much it is better."""
    ratio = (model.mean(1) / linear.mean(1)).nan_to_num(torch.inf)
    worse = (clearly(model - linear) & (ratio > 1.02)) | ~model.mean(1).isfinite()
    place = int(ratio.argmax()) if bool(worse.any()) else int(ratio.argmin())
    figures = (
        f"at log SNR {float(log_snr[place]):.1f} the held-out error is {float(model.mean(1)[place]):.3g}; "
        f"the best linear denoiser has {float(linear.mean(1)[place]):.3g}"
    )
    if not bool(worse.any()):
        return [Finding("training", f"no level is worse than linear; clearest {figures}", level="note")]
    where = [log_snr[worse] > 2, log_snr[worse] < -2]
    causes = next((cause for on, cause in zip(where, CAUSES, strict=False) if bool(on.all())), CAUSES[-1])
    got, expected = float(model.mean(1)[place]), float(linear.mean(1)[place])
    sentence = f"{figures}, so no network was needed for that. Usual causes: {causes}"
    return [Finding("training", sentence, got=got, expected=expected, cause=causes)]


CAUSES = (
    "at low noise, a network too small or too blurred for detail, a loss that hardly weighs these levels, a time "
    "embedding that is blind there",
    "at high noise, data of another range or mean than in training, a schedule that training never followed to its "
    "end, an x_0 clamped inside the model",
    "over many levels, too little training, a prediction read as another (eps, x0, v), t counted from the wrong "
    "number, weights that are not the averaged ones",
)
"""At high log-SNR, at low, and otherwise."""


def memorized(log_snr: Tensor, held_out: Tensor, training: Tensor, optimum: Tensor) -> list[Finding]:
    """A finding where a model has gone more than half of the way from its held-out error to the optimum of its
    training set; else the largest share of that way, as a note."""
    gap = held_out.mean(1) - training.mean(1)
    room = held_out.mean(1) - optimum.mean(1)
    spread = (held_out.var(1) / held_out.shape[1] + training.var(1) / training.shape[1]) ** 0.5
    sure = (gap > SURE * spread) & (room > 0.02)
    share = torch.where(sure, gap / room, 0.0)
    place = int(share.argmax())
    figures = (
        f"at log SNR {float(log_snr[place]):.1f} the error is {float(training.mean(1)[place]):.3g} on the training "
        f"set (the optimum there: {float(optimum.mean(1)[place]):.3g}) and {float(held_out.mean(1)[place]):.3g} on "
        "held-out data"
    )
    if float(share[place]) <= 0.5:
        return [Finding("training", f"no memorization found: {figures}", level="note")]
    return [behavior("training", "memorization", figures)]
