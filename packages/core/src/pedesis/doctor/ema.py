r"""ema: the average of the weights,  average <- decay average + (1 - decay) weights.

An averaged network is held beside the network itself. An object that can be updated is updated a few hundred times,
as a copy. A function (average, weights) -> average is read like any other: two coefficients.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from pedesis.doctor.affine import behavior
from pedesis.doctor.report import Finding
from pedesis.doctor.sandbox import described, tensors
from pedesis.doctor.signatures import Question

UPDATES = ("update", "update_parameters", "step", "update_average", "update_ema", "update_model_average")
"""Names by which the update of an average is known."""

ENOUGH = 400
"""Updates after which an average must have moved, and be past its warm-up."""


def examine_ema(ema: Any, model: Any) -> list[Finding]:
    """Findings about an average of the weights of `model`."""
    if isinstance(ema, nn.Module) or not callable(ema):
        if not isinstance(model, nn.Module):
            raise Question("an average is held beside its network; give model= as well")
        update = next((name for name in UPDATES if callable(getattr(ema, name, None))), None)
        return followed(ema, model, update) if update else beside(ema, model)
    return read(ema)


def weights_of(thing: Any) -> list[Tensor]:
    """The floating tensors of a network, a state, or an object that keeps some."""
    if isinstance(thing, nn.Module):
        return [p.detach() for p in thing.parameters() if p.is_floating_point()]
    if isinstance(thing, dict):
        return [v.detach() for v in thing.values() if isinstance(v, Tensor) and v.is_floating_point()]
    if isinstance(thing, (list, tuple)):
        return [v.detach() for v in thing if isinstance(v, Tensor) and v.is_floating_point()]
    kept = [weights_of(v) for v in vars(thing).values() if isinstance(v, (nn.Module, dict, list, tuple))]
    return max(kept, key=len, default=[])


def averaged(ema: Any, model: nn.Module) -> list[Tensor]:
    """The averaged weights of an object, which may hold the network too."""
    own = {id(p) for p in model.parameters()}
    named = ("ema_model", "shadow", "shadow_params", "module", "averaged_model", "average", "averages")
    places = [getattr(ema, name) for name in named if getattr(ema, name, None) is not None]
    for place in [*places, ema]:
        found = [w for w in weights_of(place) if id(w) not in own]
        if len(found) >= len(list(model.parameters())):
            return found[: len(list(model.parameters()))]
    raise Question(
        "where does ema keep its weights? Give the averaged network, or a function (average, weights) -> average"
    )


def beside(ema: Any, model: nn.Module) -> list[Finding]:
    """An average that is only there to be looked at."""
    pairs = list(zip(averaged(ema, model), model.parameters(), strict=False))
    if all(a.data_ptr() == w.data_ptr() for a, w in pairs):
        return [behavior("ema", "ema-is-the-model", "the average and the network share their memory")]
    if all(a.shape == w.shape and torch.equal(a, w.detach()) for a, w in pairs):
        return [behavior("ema", "ema-is-the-model", "all averaged weights equal the current ones")]
    return []


def followed(ema: Any, model: nn.Module, update: str) -> list[Finding]:
    """An average that can be updated: a copy of it, and of the network, whose weights are moved by 1."""
    try:
        ema, model = copy.deepcopy((ema, model))
    except Exception as error:
        raise Question(f"ema cannot be copied ({described(error)})") from None
    average = averaged(ema, model)
    if any(a.data_ptr() == w.data_ptr() for a, w in zip(average, model.parameters(), strict=False)):
        return [behavior("ema", "ema-is-the-model", "the average and the network share their memory")]
    try:
        before = [a.clone() for a in average]
        move(model, 1.0)
        for _ in range(ENOUGH):
            updated(ema, model, update)
        after = [a.clone() for a in averaged(ema, model)]
        move(model, 1.0)
        first = next((jump for jump in jumps(ema, model, update) if jump), 0.0)
    except Exception as error:
        return [Finding("ema", f"ema.{update} raised {described(error)}")]
    if all(torch.equal(a, b) for a, b in zip(before, after, strict=True)):
        return [behavior("ema", "ema-never-moves", f"the average does not move in {ENOUGH} updates")]
    if first == 1:
        return [behavior("ema", "ema-is-the-model", "one update makes the average equal to the weights")]
    if first > 0.5:
        return [
            behavior("ema", "ema-decay-swapped", f"one update takes the average {first:.4g} of the way to the weights")
        ]
    return []


def move(model: nn.Module, by: float) -> None:
    """Shift every weight."""
    with torch.no_grad():
        for p in model.parameters():
            p.add_(by)


def updated(ema: Any, model: nn.Module, update: str) -> None:
    """One update, which may want the network, its parameters, or nothing."""
    function = getattr(ema, update)
    names = list(inspect.signature(function).parameters)
    if not names:
        function()
    elif "param" in names[0]:
        function(list(model.parameters()))
    else:
        function(model)


def jumps(ema: Any, model: nn.Module, update: str) -> Iterator[float]:
    """How much of the way to the weights each of a few updates goes; some averages move in every tenth only."""
    for _ in range(20):
        before = averaged(ema, model)[0].flatten()[0].item()
        gap = next(model.parameters()).detach().flatten()[0].item() - before
        updated(ema, model, update)
        after = averaged(ema, model)[0].flatten()[0].item()
        yield (after - before) / gap if gap else 0.0


def read(function: Callable[..., Any]) -> list[Finding]:
    """A function (average, weights) -> average, or one that changes its first argument in place."""
    one, nothing = torch.ones(4, dtype=torch.float64), torch.zeros(4, dtype=torch.float64)

    def result(average: Tensor, weights: Tensor) -> float:
        average = average.clone()
        outputs = tensors(function(average, weights.clone()))
        return float((outputs[0] if outputs else average)[0])

    try:
        kept, taken = result(one, nothing), result(nothing, one)
    except Exception as error:
        return [Finding("ema", f"ema raised {described(error)}")]
    if abs(kept + taken - 1) > 1e-6:
        sentence = f"the weights of average and network are {kept:.6g} and {taken:.6g}; they should sum to 1"
        return [Finding("ema", sentence, got=kept + taken, expected=1.0)]
    if taken == 0:
        return [behavior("ema", "ema-never-moves", "the new weights have no part in the average")]
    if kept == 0:
        return [behavior("ema", "ema-is-the-model", "the old average has no part in the new one")]
    if kept < 0.5:
        return [
            behavior(
                "ema", "ema-decay-swapped", f"the old average has the weight {kept:.4g}, the new weights {taken:.4g}"
            )
        ]
    return []
