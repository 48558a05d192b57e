"""b) Quality against training time: `python benchmarks/quality.py [--minutes 5 10 20] [--only NAME]`.

Everybody trains from scratch on Fashion-MNIST, classes included, and draws the same number of pictures with its own
sampler; the clock stands still while pictures are drawn. The Frechet distance is in the features of our frozen
classifier, against the test set. Each library's recipe is its published one; what differs is said in `recipe`.

- pedesis plans its schedule for a number of minutes, so each number of minutes is a run of its own.
- The recipes of the peers have a constant learning rate, so one run is looked at several times.
"""

from __future__ import annotations

import os

os.environ.setdefault("TQDM_DISABLE", "1")  # some libraries show a bar for every call of their sampler

import argparse
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import report
import torch
from measure import RESULTS, machine, save
from subjects import PUBLISHED, denoising_diffusion, smalldiffusion
from throughput import best, training
from torch import Tensor

from pedesis.utils.images import Pixels, to_model, to_pixels
from pedesis_zoo.data import load_data
from pedesis_zoo.evaluation.images import draw, feature_extractor_for, reference
from pedesis_zoo.evaluation.metrics import features_of, frechet_distance

DATA = "fashion-mnist"
Point = tuple[float, int, Pixels]
"""Minutes trained, training images seen, and the pictures drawn then: picture i is of class i modulo 10."""


def of_pedesis(marks: list[float], count: int) -> Iterator[Point]:
    """The shipped recipe, by the zoo's own `train` and with the model's own settings."""
    from pedesis_zoo import load, recipe
    from pedesis_zoo.training.run import plan, train

    for minutes in marks:
        with tempfile.TemporaryDirectory() as folder:
            published = plan(recipe(DATA))
            timed = replace(published, config=replace(published.config, steps=None, minutes=minutes))
            model = load(train(timed, Path(folder) / "model.safetensors"))
        told = model.about["training"]
        pixels, _ = draw(model, count, first_seed=10_000)
        yield told["hours"] * 60, told["images"], pixels


def of_smalldiffusion(marks: list[float], count: int, rows: int = 128) -> Iterator[Point]:
    """Its training loop, schedule, averaging and sampler."""
    from accelerate import Accelerator
    from smalldiffusion import ScheduleLogLinear, samples, training_loop
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    (subject,) = smalldiffusion([PUBLISHED])
    setting = best(subject, training, (rows,))
    model = setting.make_pipeline(subject.build().network)
    schedule = ScheduleLogLinear(sigma_min=0.01, sigma_max=20, N=800)
    accelerator = Accelerator(cpu=True, mixed_precision="bf16" if setting.bf16 else "no")

    def warming(ema_model: list[Tensor], current: list[Tensor], seen: Tensor) -> None:
        get_ema_multi_avg_fn(min(0.999, (1 + int(seen)) / (10 + int(seen))))(ema_model, current, seen)

    average = AveragedModel(model, multi_avg_fn=warming)

    def steps() -> Iterator[int]:
        loop = training_loop(Batches(rows), model, schedule, accelerator, lr=7e-4, conditional=True)
        for _ in loop:
            average.update_parameters(model)
            yield rows

    for minutes, seen in until(marks, steps()):
        generated = []
        for labels in _labels(count):
            with setting.autocast():
                walk = samples(
                    average.module,
                    schedule.sample_sigmas(20),
                    gam=1.6,
                    batchsize=len(labels),
                    cond=labels,
                    accelerator=accelerator,
                )
                *_, x0 = walk
            generated.append(to_pixels(x0))
        yield minutes, seen, np.concatenate(generated)


def of_denoising_diffusion(marks: list[float], count: int, rows: int = 32) -> Iterator[Point]:
    """The README's U-Net and training settings, in the library's classifier-free diffusion, with DDIM."""
    from denoising_diffusion_pytorch.classifier_free_guidance import GaussianDiffusion
    from ema_pytorch import EMA

    (subject,) = denoising_diffusion([64])
    setting = best(subject, training, (rows,))
    network = setting.make_pipeline(subject.build().network)
    diffusion = GaussianDiffusion(network, image_size=32, timesteps=1000, sampling_timesteps=25, ddim_sampling_eta=0.0)
    average = EMA(diffusion, beta=0.995, update_every=10)
    optimizer = torch.optim.Adam(diffusion.parameters(), lr=8e-5, betas=(0.9, 0.99))

    def steps() -> Iterator[int]:
        batches = iter(Batches(rows))
        while True:
            optimizer.zero_grad()
            for _ in range(2):
                x, labels = next(batches)
                with setting.autocast():
                    loss = diffusion(torch.nn.functional.pad((x + 1) / 2, (2, 2, 2, 2)), classes=labels)
                (loss / 2).backward()
            torch.nn.utils.clip_grad_norm_(diffusion.parameters(), 1.0)
            optimizer.step()
            average.update()
            yield 2 * rows

    for minutes, seen in until(marks, steps()):
        average.ema_model.eval()
        generated = []
        for labels in _labels(count):
            with setting.autocast():
                x0 = average.ema_model.sample(labels, cond_scale=2.0)
            generated.append(to_pixels(2 * x0[..., 2:-2, 2:-2] - 1))
        yield minutes, seen, np.concatenate(generated)


RECIPES: dict[str, tuple[Any, int, str]] = {
    "pedesis": (
        of_pedesis,
        17,
        "the shipped recipe; sampled with the model's own settings, 10 steps, of which 7 are guided",
    ),
    "smalldiffusion": (
        of_smalldiffusion,
        20,
        "examples/fashion_mnist_unet.py (ch 64 x (1, 1, 2), attention at 14x14, log-linear schedule, AdamW 7e-4, EMA "
        "0.999, warmed up) with its label embedding; batch 128 instead of 1,024, which would take only some dozens of "
        "steps in this time, and without mirroring, which the test set has not; 20 steps, gam 1.6, as in its "
        "conditional example",
    ),
    "denoising-diffusion-pytorch": (
        of_denoising_diffusion,
        50,
        "the README (dim 64 x (1, 2, 4, 8), Adam 8e-5, batch 32 twice, EMA 0.995) in its classifier_free_guidance, "
        "at 32x32; 25 guided DDIM steps, cond_scale 2",
    ),
}


class Batches:
    """Endless shuffled batches (x in [-1, 1], label), in memory as for us."""

    def __init__(self, rows: int):
        images = load_data(DATA, "train")
        self.pixels, self.labels, self.rows = torch.as_tensor(images.pixels), torch.as_tensor(images.labels), rows

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            for index in torch.randperm(len(self.pixels)).split(self.rows):
                yield to_model(self.pixels[index]), self.labels[index]


def until(marks: list[float], steps: Iterator[int]) -> Iterator[tuple[float, int]]:
    """Advance a training loop, stopping at each mark (minutes of training): minutes and images so far."""
    spent, seen = 0.0, 0
    for mark in marks:
        while spent < mark * 60:
            start = time.perf_counter()
            seen += next(steps)
            spent += time.perf_counter() - start
        yield spent / 60, seen


def _labels(count: int) -> Iterator[Tensor]:
    yield from (torch.arange(count) % 10).split(100)


def judged(pixels: Pixels) -> dict[str, float]:
    """Frechet distance to the test set, and the share of pictures that the judge takes for the class asked for."""
    features, log_probs = features_of(feature_extractor_for(DATA), pixels)
    wanted = torch.arange(len(pixels)) % 10
    distance = frechet_distance(reference(DATA, "test")[0], features)
    return {"frechet distance": distance, "class accuracy": float((log_probs.argmax(1) == wanted).double().mean())}


def main(arguments: list[str] | None = None) -> None:
    """Run the recipes, write results/quality-NAME.json after each, and the document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, nargs="+", default=[5, 10, 20])
    parser.add_argument("--images", type=int, default=1000, help="pictures drawn for each distance")
    parser.add_argument("--only", choices=RECIPES, nargs="+", default=list(RECIPES))
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--document", type=Path, default=report.DOCUMENT)
    chosen = parser.parse_args(arguments)
    command = shlex.join(["python", "benchmarks/quality.py", *(sys.argv[1:] if arguments is None else arguments)])

    for name in chosen.only:
        train, evaluations, words = RECIPES[name]
        started, described, points = time.time(), machine(), []
        torch.manual_seed(0)
        try:
            for minutes, seen, pixels in train(sorted(chosen.minutes), chosen.images):
                points.append({"minutes": round(minutes, 2), "images seen": seen, **judged(pixels)})
                print(name, points[-1], flush=True)
        except ImportError as error:
            print(f"{name} left out: {error}", flush=True)
            words = f"left out: {type(error).__name__}: {error}"
        data = {"name": name, "recipe": words, "evaluations": evaluations, "pictures": chosen.images, "points": points}
        save(f"quality-{name}", data, command, started, described, chosen.out)
    report.write(chosen.out, chosen.document)


if __name__ == "__main__":
    main()
