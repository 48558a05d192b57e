"""g) Ablations of training: `python benchmarks/ablations.py [--seconds 240] [--seeds 2]`.

The recipe of Fashion-MNIST at half the width, and one change at a time: optimizer, parameterization, weight of the loss
over log-SNR, batch, learning rate, cool-down, width against depth. Each run has the same processor time of one thread;
the steps that fit into it are planned from a measured speed. The recipe itself is trained with several seeds, to see
what chance does, and each change once. The average of the weights is kept at several lengths in the runs of the recipe,
as those cost no training.

Two figures: the error of v on held-out pictures, at the same times and with the same noise for all, and the Frechet
distance of conditional pictures without guidance, by the recipe's sampler, to the test set.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import report
import torch
from measure import RESULTS, machine, save, steps_within
from torch import Tensor

from pedesis.denoiser import NetworkDenoiser
from pedesis.losses import Loss
from pedesis.training import ArrayBatches, TrainState, fit, validation_loss
from pedesis.training.ema import update_ema
from pedesis_zoo import ImageModel, recipe
from pedesis_zoo.data import load_data
from pedesis_zoo.evaluation.images import draw, feature_extractor_for, reference
from pedesis_zoo.evaluation.metrics import features_of, frechet_distance
from pedesis_zoo.models.recipe import Recipe
from pedesis_zoo.models.weights import build
from pedesis_zoo.training.objectives import loss_of
from pedesis_zoo.training.run import plan

DATA = "fashion-mnist"
HALF = {"widths": [64, 72], "blocks": [2, 2], "heads": 3}
LENGTHS = {"1 %": 88.2, "10 %": 6.94, "20 %": 3.06}
"""Of the run that the average of the weights remembers beside the recipe's 5 %, and its power."""


@dataclass(frozen=True)
class Variant:
    """One change of the recipe: fields of it, of its network and of its training."""

    fields: dict[str, Any] = field(default_factory=dict)
    network: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)

    def of(self, published: Recipe) -> Recipe:
        """The recipe with this change."""
        network = {**published.network, **HALF, **self.network}
        return replace(published, network=network, training={**published.training, **self.training}, **self.fields)


PUBLISHED = "as published"
VARIANTS = {
    PUBLISHED: Variant(),
    "Muon for matrices, AdamW for the rest": Variant(training={"optimizer": "muon"}),
    "the network answers with x0, weight v": Variant(fields={"parameterization": "x0"}),
    "weight simple": Variant(fields={"loss": {"weight": "simple", "condition_dropout": 0.1}}),
    "weight min-snr": Variant(fields={"loss": {"weight": "min-snr", "condition_dropout": 0.1}}),
    "batch 64": Variant(training={"batch": 64}),
    "batch 256": Variant(training={"batch": 256}),
    "half the learning rate": Variant(training={"learning_rate": 1e-3}),
    "twice the learning rate": Variant(training={"learning_rate": 4e-3}),
    "cool-down over the last 0.6": Variant(training={"cooldown": 0.6}),
    "wider, 1 block at each side": Variant(network={"widths": [84, 96], "blocks": [1, 1]}),
    "narrower, 4 blocks at each side": Variant(network={"widths": [48, 48], "blocks": [4, 4]}),
}


def trained(variant: Variant, seconds: float, seed: int) -> tuple[TrainState[Any], dict[str, NetworkDenoiser], float]:
    """The state at the end, the averaged models by their length, and the seconds of processor time."""
    planned = plan(variant.of(recipe(DATA)), seed=seed)
    images = load_data(DATA, "train")

    def run(steps: int, lengths: dict[str, float]) -> tuple[TrainState[Any], dict[str, NetworkDenoiser]]:
        config = replace(planned.config, steps=steps)
        model = build("image", planned.model_spec, seed)
        batches = ArrayBatches(images.pixels, torch.as_tensor(images.labels), config.batch, seed)
        averages: dict[str, list[Tensor]] = {}
        for state in fit(model, batches, loss_of(planned.recipe), config):
            if state.step == 1:
                averages = {name: [each.clone() for each in state.ema] for name in lengths}
            for name, power in lengths.items():
                update_ema(averages[name], state.parameters, state.step, power)
        models, usual = {PUBLISHED: state.ema_model()}, state.ema
        for name, average in averages.items():
            state.ema = average
            models[name] = state.ema_model()
        state.ema = usual
        return state, models

    def timed(steps: int) -> float:
        began = time.process_time()
        run(steps, {})
        return time.process_time() - began

    steps = steps_within(seconds, timed) if seconds else 2
    began = time.process_time()
    state, models = run(steps, LENGTHS if variant == VARIANTS[PUBLISHED] else {})
    return state, models, time.process_time() - began


def judged(denoiser: NetworkDenoiser, pictures: int) -> dict[str, float]:
    """The error of v on held-out pictures, and the distance of what is drawn."""
    test, published = load_data(DATA, "test"), recipe(DATA)
    held = ArrayBatches(test.pixels, torch.as_tensor(test.labels), pictures)
    about = {"data": {"name": DATA, "classes": list(test.classes), "shape": list(test.shape)}}
    model = ImageModel(DATA, denoiser, test.shape, tuple(test.classes), published.generation, about)
    features, _ = features_of(feature_extractor_for(DATA), draw(model, pictures, 10_000, guidance=1.0)[0])
    return {
        "error of v": validation_loss(denoiser, held, Loss("v"), pictures),
        "frechet distance": frechet_distance(reference(DATA, "test")[0], features),
    }


Run = tuple[str, float, int, int]
"""The name of a variant, seconds, a seed, and how many pictures are judged."""


def measured(run: Run) -> list[tuple[str, dict[str, Any]]]:
    """What is said of a run, and of each length of its average, by the name of the change."""
    name, seconds, seed, pictures = run
    torch.set_num_threads(1)
    state, models, spent = trained(VARIANTS[name], seconds, seed)
    said = {"parameters": sum(p.numel() for p in state.parameters), "steps": state.step, "seconds": spent}
    changes = {
        length: name if length == PUBLISHED else f"the average remembers {length} of the run" for length in models
    }
    return [(changes[length], {**said, **judged(model, pictures)}) for length, model in models.items()]


def main(arguments: list[str] | None = None) -> None:
    """Train, measure, write results/ablations.json, and the document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=240, help="of processor time for each run")
    parser.add_argument("--seeds", type=int, default=2, help="of the recipe itself")
    parser.add_argument("--pictures", type=int, default=2000, help="drawn, and held out, for each figure")
    parser.add_argument("--processes", type=int, default=1, help="of one thread each, for runs side by side")
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--quick", action="store_true", help="to see that it runs; the numbers mean nothing")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--document", type=Path, default=report.DOCUMENT)
    chosen = parser.parse_args(arguments)
    if min(chosen.seeds, chosen.processes) < 1 or chosen.seconds <= 0 or chosen.pictures < 100:
        parser.error("--seeds and --processes must be at least 1, --seconds above 0, --pictures at least 100")
    command = shlex.join(["python", "benchmarks/ablations.py", *(sys.argv[1:] if arguments is None else arguments)])
    started, described = time.time(), machine()
    seconds, seeds, pictures = (0, 1, 100) if chosen.quick else (chosen.seconds, chosen.seeds, chosen.pictures)
    runs: list[Run] = [
        (name, seconds, seed, pictures) for name in chosen.only for seed in range(seeds if name == PUBLISHED else 1)
    ]
    rows: dict[str, list[dict[str, Any]]] = {}
    with ExitStack() as stack:
        pool = stack.enter_context(ProcessPoolExecutor(chosen.processes)) if chosen.processes > 1 else None
        for said in pool.map(measured, runs) if pool else map(measured, runs):
            for change, row in said:
                print(change, row, flush=True)
                rows.setdefault(change, []).append(row)
            found = {"budget": seconds, "pictures": pictures, "rows": rows}
            save("ablations", found, command, started, described, chosen.out)
    report.write(chosen.out, chosen.document)


if __name__ == "__main__":
    main()
