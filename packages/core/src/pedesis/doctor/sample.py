r"""sample(model, shape) -> x_0: a whole walk, taken apart into its steps.

We are the model and we serve the noise, so the walk is affine in numbers of ours. Three rows suffice: one starts at
x_T = h and is never disturbed, one is disturbed by predictions only, one by noise only; from one question to the model
to the next, each gives a coefficient of that step,

    x_s = a x_t + b prediction + c noise,

and every step is held against the textbook's step from t to s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pedesis.doctor.affine import Examined, behavior
from pedesis.doctor.catalogue import CATALOGUE
from pedesis.doctor.formulas import SigmaChain, chain_symbols
from pedesis.doctor.match import explain, findings
from pedesis.doctor.probe import pattern, roundoff
from pedesis.doctor.report import Finding
from pedesis.doctor.sandbox import Failed
from pedesis.doctor.signatures import Call, with_variance
from pedesis.doctor.step import step_formulas
from pedesis.doctor.walk import ROWS, Large, Loop, Walk, indices, walked
from pedesis.process import Chain

PURE = 0.01
"""alpha_bar below which x_t is taken for noise by most code that leaves steps out ("leading" spacing)."""
WANTED, OPTIONAL = ("model",), ("shape", "count", "image_size", "channels", "labels", "steps", "x_t", "sigmas")


def examine_sample(
    ways: Sequence[Call], base: int | None, chain: Chain, shape: tuple[int, ...], prediction: str
) -> Examined:
    """Findings about a sampling loop."""
    failure = ""
    for way in [*ways, *with_variance(ways)]:
        try:
            walk = walked(way, Loop(base, chain, shape))
        except Failed as problem:
            failure = failure or str(problem)
            continue
        found = judged(walk, base, chain, shape, prediction)
        found += clamped(way, walk, Large(base, chain, shape, prediction)) if read(found) else []
        return Examined(found, told=(indices(walk.times, base, chain), torch.tensor(walk.times, dtype=torch.float64)))
    return Examined([Finding("sample", f"sample {failure}")])


def clamped(way: Call, walk: Walk, loop: Large) -> list[Finding]:
    """A finding if the loop clamps x_t itself: some step is another function for large x_t than for small."""
    values, _, _ = step_coefficients(walk, tuple(loop.unit.shape))
    try:
        large = walked(way, loop)
    except Failed as problem:
        return [Finding("sample", f"at full size sample {problem}")]
    if large.times != walk.times or large.elsewhere:
        return []
    for i, told in enumerate(large.times[:-1]):
        noise = values["noise"][i] * loop.start(loop.unit).flatten()
        straight = values["x_t"][i] * large.states[i] + values["prediction"][i] * loop.predictions[i] + noise
        got, expected = float(large.states[i + 1].abs().max()), float(straight.abs().max())
        if float((large.states[i + 1] - straight).abs().max()) > 0.02 * expected and got < expected:
            sentence = f"at t = {told:g} x of {expected:.2g} becomes {got:.2g}"
            return [behavior("sample", "clamp-at-every-step", sentence)]
    return []


def read(found: Sequence[Finding]) -> bool:
    """Whether the steps of a walk could be read and are right."""
    return all(finding.level == "note" for finding in found)


def judged(walk: Walk, base: int | None, chain: Chain, shape: tuple[int, ...], prediction: str) -> list[Finding]:
    """Findings about the steps of a walk."""
    steps = len(chain.beta) - 1
    t = indices(walk.times, base, chain)
    lost = [i for i, state in enumerate(walk.states) if not bool(state.isfinite().all())]
    if lost:
        when = f"after the step at t = {walk.times[lost[0] - 1]:g}" if lost[0] else "at the start"
        why = "; that is the last step: a table looked up at -1 gives its last entry"
        end = why if lost[0] == len(walk.times) and float(t[-1]) == 1 else ""
        return [Finding("sample", f"x is NaN or infinite {when}, for inputs that are not{end}")]
    found = [*laws(walk, shape), *unscaled(walk, chain, shape)]
    if bool((t.diff() > 0).all()) and len(t) > 1:
        sentence = f"the model is told t = {walk.times[0]:g} first, {walk.times[-1]:g} last"
        return [*found, behavior("sample", "time-reversed", sentence)]
    if bool((t.diff() >= 0).any()) or int(t.min()) < 1 or int(t.max()) > steps:
        what = (
            f"the model is told the times {walk.times[:4]} ..., which are not the steps of a chain of {steps} downwards"
        )
        return [*found, Finding("sample", what)]
    s = torch.cat([t[1:], torch.zeros(1, dtype=torch.long)])
    range_, rest = reached(t, chain)
    found += range_
    if not found and (walk.elsewhere or bool((walk.states[0][0] != 0).any())):
        sentence = "the walk draws numbers that are not torch's (numpy's, say), so its steps cannot be read; "
        return [Finding("sample", f"{sentence}draw them with torch.randn", level="question")]
    if walk.rounded or (range_ and int(t[-1]) > 1):
        walk, t, s = walk.without_the_end(), t[:-1], t[1:]
        rest.append(
            Finding("sample", "its last step, which is rounded or not to clean data, is not read", level="note")
        )
        if not len(t):
            return [*found, *rest]
    values, blur, more = step_coefficients(walk, shape)
    if walk.fresh == 1 and int((values["noise"].abs() > 1e-6).sum()) > 1:
        sentence = "one noise is drawn and added at every step; each step needs a new one"
        found.append(Finding("sample", sentence, role="noise"))
    if any(finding.role == "noise" or finding.entry == "one-noise-for-the-batch" for finding in found):
        del values["noise"]  # what was served is not what was added
    known = chain_symbols(chain, t, s)
    entries = [entry for entry in CATALOGUE.values() if "sample" in entry.where]
    formulas, unit = step_formulas(prediction, chain, values, t, s), roundoff(torch.float32)
    explanation = explain(values, formulas, entries, known, unit, blur=8 * unit * blur)
    names = {"noise": "the noise", "x_t": "x_t", "prediction": f"the prediction ({prediction})"}
    found += findings(
        "sample", values, explanation, t.tolist(), lambda role, t: f"the factor of {names[role]} at t = {t}"
    )
    return [
        *found,
        *rest,
        *more,
        Finding("sample", f"understood as {explanation.formula.name}, {len(t)} steps", level="note"),
    ]


def reached(t: Tensor, chain: Chain) -> tuple[list[Finding], list[Finding]]:
    """A finding if steps at either end are left out that should not be, and a note if the first of many are."""
    steps, all_of_them = len(chain.beta) - 1, len(t) > (len(chain.beta) - 1) // 2
    start = float(chain.alpha_bar[t[0]])
    if int(t[0]) != steps and not all_of_them and start < PURE and not isinstance(chain, SigmaChain):
        sentence = f"it begins at t = {int(t[0])} of {steps} as if x were pure noise there (alpha_bar is {start:.2g}); "
        return [], [Finding("sample", sentence + "steps that are counted from the end begin at the last", level="note")]
    if int(t[0]) != steps or (int(t[-1]) != 1 and all_of_them):
        sentence = f"the walk runs from t = {int(t[0])} to {int(t[-1])} of {steps} steps"
        return [behavior("sample", "t-range", sentence)], []
    return [], []


def unscaled(walk: Walk, chain: Chain, shape: tuple[int, ...]) -> list[Finding]:
    """A finding if a walk with sigmas begins at the noise that it drew, not at sigma_max times that."""
    if not isinstance(chain, SigmaChain) or not walk.draws:
        return []
    start = Loop(None, chain, shape).start(torch.empty(len(ROWS), *shape))
    factor = float(walk.states[0][1].abs().sum() / start[1].abs().sum())
    if abs(factor - 1) > 0.01 or float(chain.sigma[-1]) < 1.1:
        return []
    return [behavior("sample", "start-not-scaled", f"the walk begins at noise times {factor:.3g}")]


def step_coefficients(walk: Walk, shape: tuple[int, ...]) -> tuple[dict[str, Tensor], Tensor, list[Finding]]:
    """The coefficients of every step, role -> (M,); how many times the rounding of the states they are differences
    of may be in them, (M,); and a note if the result was brought from [-1, 1] to [0, 1]."""
    unit, states, notes = pattern(shape).flatten(), list(walk.states), []
    largest = torch.stack([state.abs().max() for state in states])
    if bool(((states[-1][0] - 0.5).abs() < 1e-6).all()):
        states[-1] = 2 * states[-1] - 1
        notes.append(Finding("sample", "the result is brought from [-1, 1] to [0, 1]", level="note"))
    sizes = torch.tensor(walk.sizes, dtype=torch.float64)
    x = torch.stack([(state - state[:1]) / unit for state in states])  # (M + 1, rows, elements)
    now, then = x[:-1].mean(2), x[1:].mean(2)
    kept = then[:, 1] / now[:, 1]
    blur = torch.maximum(largest[1:], largest[:-1]) / torch.minimum(sizes.abs(), now[:, 1].abs())
    return (
        {
            "x_t": kept,
            "prediction": (then[:, 2] - kept * now[:, 2]) / sizes,
            "noise": (then[:, 3] - kept * now[:, 3]) / torch.tensor(walk.noises, dtype=torch.float64),
        },
        blur,
        notes,
    )


def laws(walk: Walk, shape: tuple[int, ...]) -> list[Finding]:
    """A finding about random numbers of the wrong law or shape."""
    pictures = [draw for draw in walk.draws if len(draw.shape) > 1]
    if any(draw.law == "uniform" for draw in pictures):
        return [behavior("sample", "uniform-noise", "noise is drawn uniformly")]
    if any(draw.law == "normal" and (draw.shape[0] == 1 or draw.shape == shape) for draw in pictures):
        return [behavior("sample", "one-noise-for-the-batch", "noise of one row is drawn for the whole batch")]
    return []


__all__: Any = ["examine_sample"]
