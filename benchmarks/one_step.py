"""f) One-step methods side by side: `python benchmarks/one_step.py [--seconds 10] [--digits-seconds 30] [--seeds 3]`.

Every method trains the same network on the same data for the same time, and draws from the same noise in 1, 2 and 4
evaluations. Time is processor time of one thread, so that other work beside it counts little; the steps that fit into
it are planned from a measured speed. All compute in float32. On shapes in the plane the distance is the energy distance
to fresh points, on digits the Frechet distance to the test pictures in the features of a classifier that is trained
first.

Settings are the papers' own, batch and learning rate near the zoo's recipes and the same for all: nothing was tuned.
"""

from __future__ import annotations

import argparse
import copy
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import report
import torch
from measure import RESULTS, interval, machine, save, steps_within
from torch import Tensor, nn

from pedesis.denoiser import NetworkDenoiser
from pedesis.guidance.classifiers import CleanClassifier
from pedesis.losses import Drifting, InductiveMomentMatching, MeanFlow, Shortcut
from pedesis.nn import MLP, ConvClassifier, UNet
from pedesis.process import Process
from pedesis.samplers import DDIM
from pedesis.training import ArrayBatches, Batches, Objective, TrainConfig, fit
from pedesis.training.cross_entropy import cross_entropy
from pedesis.training.distillation import Distillation
from pedesis.utils.images import Pixels, make_grid, resize_nearest, save_png, to_pixels
from pedesis.utils.noise import fixed_seed, gaussian_noise
from pedesis.utils.precision import full_precision
from pedesis_zoo.data import load_data
from pedesis_zoo.data.points import POINTS, load_points
from pedesis_zoo.evaluation.metrics import features_of, frechet_distance
from pedesis_zoo.evaluation.points import density_picture, energy_distance

EVALUATIONS = (1, 2, 4)
MATCHING = Shortcut(consistency=0.0)
"""Flow matching."""
SIDE = 160
"""Of one look at a set, in pixels."""
Students = dict[int, NetworkDenoiser]
"""What draws in 1, 2 and 4 evaluations: one network for all, but for progressive distillation."""


@dataclass
class Task:
    """Data, a network for them, and what is measured on it.

    Attributes:
        shape: of one piece of data. training: of `TrainConfig`, the steps left out.
        distance: of what was drawn, (N, ...), to fresh data. look: at it, uint8 (H, W, 1). real: data to look at.
    """

    name: str
    shape: tuple[int, ...]
    std: float
    network: Callable[[], nn.Module]
    batches: Callable[[int], Batches]
    training: dict[str, Any]
    distance: Callable[[Tensor], float]
    look: Callable[[Tensor], Pixels]
    real: Tensor
    count: int
    planned: dict[str, int] = field(default_factory=dict)  # steps, by what is trained
    teachers: dict[int, NetworkDenoiser] = field(default_factory=dict)  # trained for the whole time, by seed
    steps: int = 0  # taken so far, and their seconds of processor time
    seconds: float = 0.0

    def fresh_network(self, seed: int) -> NetworkDenoiser:
        """Untrained; the same weights for every method."""
        with fixed_seed(seed):
            return NetworkDenoiser(self.network(), Process("flow", "flow"), "flow", self.std)

    def draw(self, students: Students, evaluations: int, seed: int) -> Tensor:
        """`count` pieces of data, (N, ...), from noise that is the same for every method."""
        denoiser, times = students[evaluations], torch.linspace(1, 0, evaluations + 1, dtype=torch.float64)
        start = denoiser.process.prior(torch.empty(self.count, *self.shape)).sample(gaussian_noise(seed, 1))
        return torch.cat([DDIM().sample(denoiser, rows, times) for rows in start.split(512)])


# -- the methods ----------------------------------------------------------------------------------------------


def trained(
    task: Task, what: str, loss: Objective, start: NetworkDenoiser, seconds: float, seed: int, blind: bool = False
) -> NetworkDenoiser:
    """The averaged weights after about so many seconds of processor time (5 steps for 0), from a copy of `start`.

    Args:
        blind: whether the input of where a step ends stays untrained, as of a model that knows velocities only.
    """

    def run(steps: int) -> tuple[float, NetworkDenoiser]:
        denoiser = copy.deepcopy(start).requires_grad_().train()
        denoiser.network.end.requires_grad_(not blind)
        config = TrainConfig(steps=steps, seed=seed, **task.training)
        began = time.process_time()
        for state in fit(denoiser, task.batches(seed), loss, config):
            pass
        return time.process_time() - began, state.ema_model()

    if not seconds:
        task.planned[what] = 5
    if what not in task.planned:
        task.planned[what] = steps_within(seconds, lambda steps: run(steps)[0])
    spent, student = run(task.planned[what])
    task.steps, task.seconds = task.steps + task.planned[what], task.seconds + spent
    return student


Method = Callable[[Task, float, int], Students]
"""(task, seconds, seed) -> what draws."""


def alone(loss: Objective, evaluations: tuple[int, ...] = EVALUATIONS) -> Method:
    """A method that trains one network from nothing."""

    def method(task: Task, seconds: float, seed: int) -> Students:
        student = trained(task, type(loss).__name__, loss, task.fresh_network(seed), seconds, seed)
        return dict.fromkeys(evaluations, student)

    return method


def flow_matching(task: Task, seconds: float, seed: int) -> Students:
    """The network as a plain model of velocities, walked by DDIM: how far the others have to go."""
    task.teachers[seed] = trained(task, "teacher", MATCHING, task.fresh_network(seed), seconds, seed, blind=True)
    return dict.fromkeys(EVALUATIONS, task.teachers[seed])


def distilled(task: Task, teacher: NetworkDenoiser, what: str, seconds: float, seed: int) -> Students:
    """4 steps for the teacher's 16, then 2 for 4, then 1 for 2: a third of the time each."""
    students, each = {}, teacher
    for steps, substeps in ((4, 4), (2, 2), (1, 2)):
        loss = Distillation(each.eval().requires_grad_(False), steps, substeps)
        each = trained(task, f"{what}, {steps}", loss, each, seconds / 3, seed)
        students[steps] = each
    return students


def with_teacher(task: Task, seconds: float, seed: int) -> Students:
    """Half of the time for the teacher, half for its students."""
    teacher = trained(task, "half a teacher", MATCHING, task.fresh_network(seed), seconds / 2, seed, blind=True)
    return distilled(task, teacher, "with teacher", seconds / 2, seed)


def teacher_given(task: Task, seconds: float, seed: int) -> Students:
    """The teacher is the flow matching above, whose time is not counted; the whole time is for its students."""
    return distilled(task, task.teachers[seed], "teacher given", seconds, seed)


METHODS: dict[str, Method] = {
    "flow matching, walked by DDIM": flow_matching,
    "progressive distillation, teacher given": teacher_given,
    "progressive distillation, with its teacher": with_teacher,
    "shortcut": alone(Shortcut()),
    "mean flow": alone(MeanFlow()),
    "moment matching": alone(InductiveMomentMatching()),
    "drifting": alone(Drifting(), (1,)),
}


# -- the data -------------------------------------------------------------------------------------------------


def in_the_plane(name: str, quick: bool = False) -> Task:
    """A shape of the zoo; distances are 1,000 times the energy distance to 4,000 fresh points."""
    train, fresh = load_points(name).points, load_points(name, 4000, 10_000).points
    points = torch.as_tensor(train).float()
    return Task(
        name=name,
        shape=(2,),
        std=float(points.square().mean().sqrt()),
        network=lambda: MLP(width=128, layers=3, jumps=True),
        batches=lambda seed: ArrayBatches(points, None, 256, seed),
        training={"batch": 256, "learning_rate": 2e-3, "warmup": 100, "cooldown": 0.7},
        distance=lambda drawn: 1000 * energy_distance(drawn.double().numpy(), fresh),
        look=lambda drawn: density_picture(drawn.double().numpy(), SIDE),
        real=torch.as_tensor(fresh).float(),
        count=500 if quick else 4000,
    )


def on_digits(quick: bool = False) -> Task:
    """The 8x8 digits without their classes."""
    images = load_data("digits", "train")
    judge = judge_of_digits(20 if quick else 400)
    known = features_of(judge, load_data("digits", "test").pixels)[0]
    return Task(
        name="digits",
        shape=images.shape,
        std=0.849,
        network=lambda: UNet(patch=1, widths=(24, 48), blocks=(1, 1), heads=2, embedding=64, detail=8, jumps=True),
        batches=lambda seed: ArrayBatches(images.pixels, None, 64, seed),
        training={"batch": 64, "learning_rate": 2e-3, "warmup": 50, "cooldown": 0.7},
        distance=lambda drawn: frechet_distance(known, features_of(judge, to_pixels(drawn))[0]),
        look=lambda drawn: framed(resize_nearest(make_grid(to_pixels(drawn[:25]), columns=5), 3)),
        real=torch.as_tensor(images.pixels).permute(0, 3, 1, 2).float() / 127.5 - 1,
        count=100 if quick else 1437,
    )


def framed(pixels: Pixels, side: int = SIDE) -> Pixels:
    """A picture (H, W, C) in gray (side, side, 1), with a white frame."""
    around = [((side - length) // 2, side - length - (side - length) // 2) for length in pixels.shape[:2]]
    return np.pad(pixels[..., :1], (*around, (0, 0)), constant_values=255)


def judge_of_digits(steps: int) -> CleanClassifier:
    """A small classifier of the training digits; 32 features."""
    images = load_data("digits", "train")
    with fixed_seed(0):
        network = ConvClassifier(patch=1, widths=(24, 48), blocks=(1, 1), features=32, classes=10, noise_aware=False)
    model = CleanClassifier(network)
    batches = ArrayBatches(images.pixels, torch.as_tensor(images.labels), 128)
    for state in fit(model, batches, cross_entropy, TrainConfig(steps=steps, learning_rate=2e-3, cooldown=0.5)):
        pass
    return state.ema_model()


# -- the measurement ------------------------------------------------------------------------------------------


def measured(task: Task, seconds: float, seeds: int) -> Iterator[tuple[dict[str, Any], Tensor]]:
    """A row for each method, and what it drew with the first seed in one evaluation."""
    for name, method in METHODS.items():
        found: dict[int, list[float]] = {}
        task.steps, task.seconds = 0, 0.0
        for seed in range(seeds):
            students = method(task, seconds, seed)
            for evaluations in students:
                drawn = task.draw(students, evaluations, seed)
                found.setdefault(evaluations, []).append(task.distance(drawn))
                if seed == 0 and evaluations == 1:
                    shown = drawn
        distances = {k: {**interval(np.array(v)), "seeds": v} for k, v in sorted(found.items())}
        print(task.name, name, {k: round(v["mean"], 3) for k, v in distances.items()}, flush=True)
        about = {"method": name, "steps": task.steps / seeds, "seconds": task.seconds / seeds}
        yield {**about, "distances": distances}, shown


def main(arguments: list[str] | None = None) -> None:
    """Train, measure, write results/one_step-DATA.json, a picture for each set of data, and the document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10, help="of processor time for each model of points")
    parser.add_argument("--digits-seconds", type=float, default=30, help="the same for each model of digits")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--data", nargs="+", choices=[*POINTS, "digits"], default=["moons", "eight-gaussians", "checkerboard", "digits"]
    )
    parser.add_argument(
        "--quick", action="store_true", help="about a minute, to see that it runs; the numbers mean nothing"
    )
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--document", type=Path, default=report.DOCUMENT)
    chosen = parser.parse_args(arguments)
    if chosen.seeds < 1 or min(chosen.seconds, chosen.digits_seconds) <= 0:
        parser.error(
            "--seeds must be at least 1, and seconds more than 0; got "
            f"{chosen.seeds}, {chosen.seconds:g} and {chosen.digits_seconds:g}"
        )
    command = shlex.join(["python", "benchmarks/one_step.py", *(sys.argv[1:] if arguments is None else arguments)])
    torch.set_num_threads(1)
    pictures = chosen.document.parent / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    for name in chosen.data:
        started, described = time.time(), machine()
        seconds = chosen.digits_seconds if name == "digits" else chosen.seconds
        seconds, seeds = (0, 1) if chosen.quick else (seconds, chosen.seeds)
        with full_precision():
            task = on_digits(chosen.quick) if name == "digits" else in_the_plane(name, chosen.quick)
            rows, shown = zip(*measured(task, seconds, seeds), strict=True)
            floor = task.distance(task.real[: task.count] if name == "digits" else fresh_points(name, task.count))
        found = {"data": name, "budget": seconds, "seeds": seeds, "floor": floor, "methods": rows}
        save(f"one_step-{name}", found, command, started, described, chosen.out)
        looks = np.stack([task.look(task.real), *map(task.look, shown)])
        save_png(make_grid(looks, columns=4), pictures / f"one-step-{name}.png")
        report.write(chosen.out, chosen.document)


def fresh_points(name: str, count: int) -> Tensor:
    """Points of a seed that no one else has."""
    return torch.as_tensor(load_points(name, count, 10_001).points).float()


if __name__ == "__main__":
    main()
