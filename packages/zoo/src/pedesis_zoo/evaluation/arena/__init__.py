r"""The arena: what a sampler, a time grid, a schedule or a guidance rule of your own is worth, beside all of ours.

    result = pedesis_zoo.arena.compare("mine.py")        # or a registered name, a class, an object, a function
    print(result); result.save("arena.csv"); result.plot("arena.png")

entries     who meets: ours of four kinds, and what a file, a name or a class of the user's stands for
walks       equal numbers of evaluations, faults in a sentence, one row of a result
exact       on mixtures whose denoiser is known: error, distance to the data, order of convergence
pictures    on a model of pictures: Frechet distance and accuracy
outcome     the table, the verdicts, the plot, the CSV

All of a kind start from the same seeds, and intervals are over seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pedesis.utils.images import Pixels
from pedesis_zoo.evaluation.arena import exact, pictures
from pedesis_zoo.evaluation.arena.entries import field_of, own
from pedesis_zoo.evaluation.arena.outcome import Outcome
from pedesis_zoo.models import arguments
from pedesis_zoo.models.loading import ImageModel, loaded

__all__ = ["BUDGETS", "DATA", "SCALES", "Outcome", "compare"]

BUDGETS = (5, 10, 20)
DATA = ("moons", "spiral")
SCALES = (2.0,)
POINTS = 1000
COMMAND = "pedesis_zoo.arena.compare()"


def compare(
    *mine: Any,
    data: Sequence[str] = DATA,
    model: ImageModel | str | Path | None = "digits",
    against: str | Path | Pixels | None = None,
    budgets: Sequence[int] = BUDGETS,
    scales: Sequence[float] = SCALES,
    number: int = 128,
    seed: int = 10_000,
    command: str = COMMAND,
) -> Outcome:
    """Compare something of your own with all of ours of its kind; with nothing, our samplers with each other.

    Args:
        mine: samplers, time grids, schedules or guidance rules: registered names, classes, objects, functions
            (denoiser, scale) -> denoiser, or the path of a file.py that defines some.
        data: mixtures of `pedesis.lessons.mixtures.PLANE`; none to leave them out. Guidance rules meet on two classes.
        model: a model of pictures, its name or a weight file; None to leave pictures out.
        against: what pictures are held against, a data set, a folder or an array; by default what the model was trained
            on, or for a model of your own what it draws itself in many steps.
        budgets: numbers of evaluations, the same for all; pictures, which take long, are drawn with the two smallest.
        scales: of guidance, at least 1. number: how many pictures are drawn for each entry. seed: the first one.
        command: what to write on the first line of the CSV.

    Raises:
        ValueError: something that cannot take part, or that raised on its way; nothing is measured then.
    """
    budgets = sorted({arguments.whole("budgets", each, 1, 1000) for each in budgets})
    scales = [arguments.number("scales", each, 1, 100) for each in scales]
    count = arguments.whole("number", number, 50, 100_000)
    everyone = field_of(entry for thing in mine for entry in own(thing))
    drawing = None if model is None else loaded(model)
    if "guidance" in everyone and drawing is not None and not pictures.guided(drawing):
        raise ValueError(
            f"guidance rules need a model that takes conditions and is not distilled, not {drawing.name!r}"
        )

    some = {kind: exact.contests(kind, data, budgets, scales) for kind in everyone}
    entries = [(entry, exact.order_of(entry) if data else None) for each in everyone.values() for entry in each]
    plans = [(entry, *contest, order) for entry, order in entries for contest in some[entry.kind]]
    results = [
        exact.contest(entry, on, budget, scale, POINTS, seed, order)
        for entry, on, budget, scale, order in tqdm(plans, unit="contest", desc="mixtures", disable=None)
    ]
    floors = {(on, scale): exact.floor(on, scale, POINTS) for _, on, _, scale, _ in plans}
    titles = {on: exact.distance_title(scale) for _, on, _, scale, _ in plans}

    if drawing is not None:
        measure = pictures.measure_for(drawing, against, count, seed)
        draws = [
            (entry, budget, scale)
            for entry, _ in entries
            for scale in (scales if entry.kind == "guidance" else [None])
            for budget in budgets[:2]
        ]
        results += [
            pictures.contest(entry, drawing, measure, budget, scale, count, seed)
            for entry, budget, scale in tqdm(draws, unit="contest", desc=drawing.name, disable=None)
        ]
        titles[drawing.name] = f"Frechet distance {measure.title}"
        floors |= {(drawing.name, scale): measure.floor for _, _, scale in draws if measure.floor is not None}
    return Outcome([result for result in results if result is not None], titles, floors, command)
