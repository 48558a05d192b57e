"""Curves: what they claim is in the kept files, and what they hold is what one picture after the other gives."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import pedesis_zoo as zoo
from pedesis_zoo.data import load_data
from pedesis_zoo.evaluation import images
from pedesis_zoo.evaluation.curves import by_evaluations, conditioning_gap, guidance_rules, quality
from pedesis_zoo.generation.batches import finished
from pedesis_zoo.models.measurements import load_table

MODEL = "fashion-mnist"


@pytest.fixture
def few_references(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fewer real pictures to compare with; none of them is kept."""
    monkeypatch.setattr(images, "REFERENCES", 1500)
    for kept in (images.reference, images.floor):
        kept.cache_clear()
    yield
    for kept in (images.reference, images.floor):
        kept.cache_clear()


def numbers(curve: str, column: str) -> np.ndarray:
    return np.array(load_table(MODEL, curve)[column], dtype=float)


def chosen(curve: str, key: str, value: str) -> np.ndarray:
    return np.array([cell == value for cell in load_table(MODEL, curve)[key]])


@pytest.mark.row("N9")
def test_plain_conditioning_is_followed_less_than_guided() -> None:
    """The interval of what guidance gains, picture by picture, lies above zero."""
    table = load_table(MODEL, "conditioning")
    assert float(table["low"][0]) > 0
    assert float(table["accuracy"][0]) - float(table["accuracy at 1"][0]) == pytest.approx(
        float(table["gain"][0]), abs=1e-4
    )


@pytest.mark.row("N12")
def test_guidance_trades_diversity_for_fidelity() -> None:
    rows = chosen("guidance", "guidance", "classifier-free")
    scale, accuracy, recall = (numbers("guidance", column)[rows] for column in ("scale", "accuracy", "recall"))
    assert accuracy[scale == 0].item() < 0.2 < 0.85 < accuracy[scale == 1].item() < accuracy[scale == 3].item()
    assert recall[scale == 1].item() > recall[scale == 3].item() > recall[scale == 8].item()


@pytest.mark.row("N14")
def test_more_evaluations_give_better_pictures_and_second_order_needs_fewer() -> None:
    budget, distance = numbers("evaluations", "evaluations"), numbers("evaluations", "distance")
    for sampler in ("ddpm", "ddim", "heun"):
        rows = chosen("evaluations", "sampler", sampler)
        assert distance[rows][budget[rows].argmax()] < distance[rows][budget[rows].argmin()], sampler
    ten = np.isclose(budget, 10)
    of = lambda name: distance[ten & chosen("evaluations", "sampler", name)].item()  # noqa: E731
    assert of("dpm++2m") < of("ddim") < of("ddpm")


@pytest.mark.usefixtures("few_references")
def test_the_scores_of_real_pictures_are_the_best_there_are() -> None:
    test = load_data(MODEL, "test")
    scores = quality(MODEL, test.pixels[:1000], test.labels[:1000])
    assert scores["recall"] == 1.0, "every real picture lies near itself"
    shuffled = quality(MODEL, test.pixels[:1000], np.roll(test.labels[:1000], 1))
    assert float(scores["accuracy"]) > 0.88 and float(shuffled["accuracy"]) < 0.2
    assert scores["distance"] == pytest.approx(shuffled["distance"])


@pytest.mark.usefixtures("few_references")
def test_rows_say_what_they_cost() -> None:
    rows = by_evaluations(zoo.load(MODEL), 4, budgets=(4,))
    steps = {row["sampler"]: row["steps"] for row in rows}
    cost = {row["sampler"]: row["evaluations"] for row in rows}
    assert cost["ddim"] == cost["dpm++2m"] == 4 and steps["ddim"] == 4, "one evaluation a step"
    assert cost["heun"] <= 4 and steps["heun"] == 2, "its step to clean data is Euler's"


def test_every_rule_of_guidance_at_scale_one_draws_pictures_of_the_class() -> None:
    """At scale 1 the classifier-free rules and autoguidance are the plain conditional model."""
    rules = guidance_rules(zoo.load(MODEL))
    assert {"classifier-free", "classifier-free, interval", "classifier", "classifier, interval"} <= set(rules)
    plain = zoo.sample(MODEL, [7] * 8, range(8), guidance=1)
    for name, rule in rules.items():
        if "classifier" not in name.replace("classifier-free", ""):
            np.testing.assert_array_equal(finished(rule(1.0)([7] * 8, list(range(8)))), plain, err_msg=name)


def test_the_gap_is_paired() -> None:
    row = conditioning_gap(zoo.load(MODEL), 20, scale=1.0)
    assert row["gain"] == row["low"] == row["high"] == 0
