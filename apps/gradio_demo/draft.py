"""The first second: a student draws the same seeds at once, while its teacher takes its time."""

from __future__ import annotations

import time

import show
from generation_request import GenerationRequest
from models import load, student_of
from widgets import usual_interval

import pedesis_zoo as zoo
from pedesis.samplers import SAMPLERS


def draft(asked: GenerationRequest, model: zoo.ImageModel) -> GenerationRequest | None:
    """The same request for the student of a model; None where there is none, or where it would draw something else:
    a student follows the flow, under the scales that it has learned, with one condition, in fewer steps."""
    name = student_of(asked.model)
    if name is None or asked.also or asked.negative or asked.rescale or SAMPLERS[asked.sampler]().stochastic:
        return None
    usual, own = load(name).generation, tuple(usual_interval(model).values())
    (low, high), eta = usual.scales, asked.settings(model).get("sampler") != asked.sampler
    if eta or asked.steps <= usual.steps or not low <= asked.guidance <= high or asked.interval not in (None, own):
        return None
    plain = {"interval_low": None, "interval_high": None, "eta": 0.0}
    as_usual = {"model": name, "sampler": usual.sampler, "steps": usual.steps, "grid": usual.grid}
    return asked.model_copy(update={**plain, **as_usual})


def drafted(asked: GenerationRequest, teacher: str) -> tuple[list[tuple[str, str]], str, str]:
    """Draw a draft. Returns its pictures with what stands below each; a sentence; the request that made them, HTML."""
    model, started = load(asked.model), time.monotonic()
    drawn = zoo.sample(model, asked.wanted(model), asked.seeds(), **asked.settings(model))
    files = show.pngs(drawn, asked, model)
    said = f"a draft by {asked.model} in {time.monotonic() - started:.1f} s; {teacher} is drawing the same seeds"
    below = [f"seed {seed}, draft" for seed in asked.seeds()]
    return list(zip(files, below, strict=True)), said, show.made_by(asked, model, "")
