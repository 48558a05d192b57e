"""step(prediction or model, x_t, t[, noise]): from x_t to x_(t-1), by DDPM of either variance or DDIM of any eta; with
sigmas by Euler, ancestral steps of any eta or the reverse SDE."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from pedesis.doctor import sigma
from pedesis.doctor.affine import Examined, Formulas, Subject, behavior, examine
from pedesis.doctor.catalogue import CATALOGUE
from pedesis.doctor.formulas import (
    STEP_ROLES,
    TARGET,
    VARIANCES,
    Evaluation,
    Formula,
    SigmaChain,
    chain_symbols,
    ddim,
    ddpm_from_eps,
    ddpm_from_x0,
    evaluate,
)
from pedesis.doctor.match import faults
from pedesis.doctor.probe import pattern
from pedesis.doctor.report import Finding
from pedesis.doctor.signatures import Call, Clock, with_variance
from pedesis.process import Chain

WITH_MODEL, WITH_PREDICTION, OPTIONAL = (
    ("model", "x_t", "t"),
    ("prediction", "x_t", "t"),
    ("noise", "index", "s", "labels"),
)


def step_formulas(
    prediction: str, chain: Chain, values: Mapping[str, Tensor], t: Tensor, s: Tensor | None = None
) -> Formulas:
    """Every step from t to s (by default t - 1) that counts as right."""
    s = t - 1 if s is None else s
    noise = values.get("noise", torch.zeros_like(t))
    if isinstance(chain, SigmaChain):
        euler = sigma.euler_ancestral(prediction)
        return [
            *((euler, {"eta": eta}) for eta in etas(euler, chain, noise, t, s)),
            (sigma.reverse_sde(prediction), {}),
        ]
    forms = [form(prediction, variance) for variance in VARIANCES for form in (ddpm_from_eps, ddpm_from_x0)]
    implicit = [(ddim(prediction), {"eta": eta}) for eta in etas(ddim("eps"), chain, noise, t, s)]
    return [*((form, {}) for form in forms), *implicit]


def etas(formula: Formula, chain: Chain, noise: Tensor, t: Tensor, s: Tensor) -> list[float]:
    """The eta that a step may have by its factor of the noise, 0 and 1 always; right ones and those of known mistakes.

    Each mistake is another variance per step, or its missing root; eta is what makes the factor the same share of it at
    every step.
    """
    known = {**chain_symbols(chain, t, s), "eta": 1.0}
    entries = [entry for entry in CATALOGUE.values() if "step" in entry.where]
    evaluation = Evaluation(formula, known)
    found = {0.0, 1.0}
    for lines in [{}, *(fault.lines for fault in faults(entries, formula, known))]:
        whole = evaluation.coefficients(lines).values["noise"]
        for share, root in ((noise / whole, 1.0), (noise / whole, 0.5)):
            clear = share[share.isfinite() & (whole > 0)].abs() ** root
            eta = float(clear.median()) if len(clear) else 0.0
            if 1e-6 < eta < 1 and float((clear - eta).abs().max()) < 1e-2 * eta:
                found.add(round(eta, 6) if abs(round(eta, 3) - eta) > 1e-5 else round(eta, 3))
    return sorted(found)


def size_of_inputs(chain: Chain, t: Tensor) -> Tensor:
    """The power of two below alpha_t / 64: inputs that no clamp at x_0 = 1 feels, (M,)."""
    exponent = torch.log2(chain.alpha_bar[t].sqrt().clamp(min=2.0**-40)).floor()
    return torch.exp2(exponent - 6)


def examine_step(
    ways: Sequence[Call], clocks: Sequence[Clock], chain: Chain, shape: tuple[int, ...], prediction: str
) -> Examined:
    """Findings about a step; clamping is looked for last, at full size."""
    subject = Subject(
        "step",
        ways,
        clocks,
        len(chain.beta) - 1,
        STEP_ROLES,
        shape,
        formulas=lambda values, t: step_formulas(prediction, chain, values, t),
        known=lambda t: chain_symbols(chain, t),
        size=lambda t: size_of_inputs(chain, t),
        spoken=lambda role, t: f"the factor of {spoken[role]} at t = {t}",
        more={"labels": torch.zeros(5, dtype=torch.long)},
    )
    spoken = {"noise": "the noise", "x_t": "x_t", "prediction": f"the prediction ({prediction})"}
    examined = examine(subject)
    if examined.probe is None and with_variance(ways):
        other = examine(replace(subject, ways=with_variance(ways)))
        examined = examined if other.probe is None else other
    if examined.probe is not None:
        asked = asked_time(examined, chain)
        examined.entries.extend([*clamping(examined, chain, prediction), *told(examined, chain, asked)])
        examined = replace(examined, told=asked)
    return examined


def clamping(examined: Examined, chain: Chain, prediction: str) -> list[Finding]:
    """Whether a step is another function at full size: of x_t, a finding, of x_0_hat, a note."""
    probe, reading = examined.probe, examined.reading
    assert probe is not None and reading is not None
    found: list[Finding] = []
    t = torch.tensor([max(1, probe.steps // 2)])
    alpha, std = chain.alpha_bar[t].sqrt(), (1 - chain.alpha_bar[t]).sqrt()
    if isinstance(chain, SigmaChain):
        alpha, std = torch.ones_like(alpha), chain.sigma[t]
    unit = pattern(probe.shape)[None].expand(5, *probe.shape) / 1.5
    symbols = {"alpha_bar": chain.alpha_bar[t]}
    for x0, eps, about in ((0.5 * unit, 6 * unit, "x_t"), (6 * unit, 0.0 * unit, "x_0_hat")):
        answer = evaluate(TARGET[prediction], {**symbols, "x0": x0, "noise": eps})
        inputs = {"x_t": alpha * x0 + std * eps, "prediction": answer, "noise": 0 * unit}
        out = probe.ask(t.expand(5), {k: v.to(probe.dtype) for k, v in inputs.items()}).outputs[probe.output]
        straight = sum(reading.values[role][t - 1] * value for role, value in inputs.items())
        assert isinstance(straight, Tensor)
        if bool(((out - straight).abs() <= 1e-3 * straight.abs().max()).all()):
            continue
        if about == "x_0_hat" and not any(f.entry == "clamp-at-every-step" for f in found):
            found.append(Finding("step", "large estimates of x_0 are clamped or scaled, as is usual", level="note"))
        elif about == "x_t" and float(out.abs().max()) < float(straight.abs().max()):
            amount = f"x_(t-1) of {float(straight.abs().max()):.2g} becomes {float(out.abs().max()):.2g}"
            found.append(behavior("step", "clamp-at-every-step", f"at t = {int(t)} {amount}"))
        elif about == "x_t":
            found.append(Finding("step", f"at t = {int(t)} the step is another function for large x_t", t=int(t)))
    return found


def asked_time(examined: Examined, chain: Chain) -> tuple[Tensor, Tensor] | None:
    """A step, and what a model inside is told there; None if there is none or it is asked twice."""
    probe = examined.probe
    assert probe is not None
    if "model" not in probe.call.roles:
        return None
    step = torch.tensor([max(2, probe.steps // 2)])
    asked = probe.ask(step.expand(5), probe.rows(size_of_inputs(chain, step))).asked
    times = [torch.as_tensor(a.t, dtype=torch.float64).flatten()[:1] for a in asked if a.t is not None]
    return (step, times[0]) if len(times) == 1 else None


def told(examined: Examined, chain: Chain, asked: tuple[Tensor, Tensor] | None) -> list[Finding]:
    """A finding if a model inside is told another step than the function is."""
    probe = examined.probe
    assert probe is not None
    if asked is None or "share" in probe.clock.kind:
        return []
    step, time = int(asked[0]), float(asked[1])
    near = [step + i for i in (0, -1, 1) if step + i <= probe.steps]
    if isinstance(chain, SigmaChain):
        given, *others = chain.sigma[near].tolist()
    else:
        given, *others = (float(index - 1 + probe.clock.base) for index in near)
    if time != given and any(math.isclose(time, other, rel_tol=1e-5) for other in others):
        return [behavior("step", "model-told-another-t", f"at t = {given:g} the model is told {time:g}")]
    return []
