"""What the models are for, read from the measurements that are kept with them (`evaluate NAME --save`)."""

from __future__ import annotations

import numpy as np
import pytest

import pedesis_zoo as zoo
from pedesis_zoo.models.measurements import Numbers, load_numbers, load_table
from pedesis_zoo.models.registry import recipe


def kept(model: str, *words: str) -> Numbers:
    """The measurement whose command has these words."""
    return next(rows for command, rows in load_numbers(model).items() if all(word in command for word in words))


def value(rows: Numbers, key: str) -> float:
    return rows[key][0]


def test_the_teacher_is_near_the_floor_in_twenty_evaluations() -> None:
    rows = kept("fashion-mnist", "-n 10000", "--interval")
    assert value(rows, "network evaluations a picture") <= 20
    assert value(rows, "Frechet distance") <= 4 * value(rows, "Frechet distance of real training images")


def test_guidance_sharpens_without_collapse() -> None:
    rows = kept("fashion-mnist", "-n 10000 --seed 10000")
    assert recipe("fashion-mnist").generation.guidance == 2.0
    assert value(rows, "class accuracy") >= 0.97
    assert value(rows, "recall") >= 0.5 * value(rows, "recall of real training images")


def test_students_keep_up_with_their_teacher() -> None:
    teacher, four, one = (
        kept(name, "-n 10000 --seed 10000")
        for name in ("fashion-mnist", "fashion-mnist-student-4", "fashion-mnist-student-1")
    )
    assert value(four, "Frechet distance") <= 1.5 * value(teacher, "Frechet distance")
    assert value(one, "class accuracy") >= 0.9


DISTILLED = [name for name in zoo.list_models(kind="image") if recipe(name).loss.get("name") == "distillation"]


@pytest.mark.parametrize("student", DISTILLED)
def test_a_student_draws_what_its_teacher_draws(student: str) -> None:
    """From the same noise and at the same scale: nearer to it than to the teacher's pictures of other seeds.

    Seeds differ: for heroes-student half of the shares lie between 0.27 and 0.64, so that 32 are averaged. Between
    float32 and bfloat16 the average differs by 0.001, and 0.023 are left to the bound.
    """
    teacher = recipe(student).loss["teacher"]
    wanted, seeds = ("an orc" if recipe(student).network.get("text") else "sneaker"), range(32)
    generated, taught = (
        zoo.sample(name, wanted, seeds, guidance=2.0).astype(float).reshape(32, -1) for name in (student, teacher)
    )
    apart = np.abs(generated[:, None] - taught[None]).mean(-1)
    assert np.diag(apart).mean() < 0.5 * apart[~np.eye(32, dtype=bool)].mean()


def test_the_likelihood_model_needs_fewer_bits_than_any_codec() -> None:
    """Of the same pictures."""
    codecs = kept("fashion-mnist-nll", "-n 500 --codecs")
    key = "bits per dimension, bound of 100 steps"
    _, _, high = kept("fashion-mnist-nll", "-n 500 --bits")[key]
    assert high < min(value(codecs, name) for name in codecs)
    assert value(kept("fashion-mnist-nll", "--bits"), key) < value(kept("fashion-mnist", "--bits"), key)


@pytest.mark.parametrize("steps", [10, 25])
def test_the_analytic_variance_and_the_searched_grid_save_bits(steps: int) -> None:
    rows = kept("fashion-mnist", "--few-steps")
    begin = f"bits per dimension, {steps} steps"
    for needs_more in (f"{begin}: the uniform grid needs more by",
                       f"{begin}, uniform grid: the posterior variance needs more by",
                       f"{begin}, uniform grid: the beta variance needs more by"):  # fmt: skip
        assert rows[needs_more][1] > 0, f"the interval of {needs_more!r} holds zero"


def test_a_classifier_alone_finds_the_class() -> None:
    """Off, it is the unconditional model; above scale 1 it acts within an interval."""
    table = load_table("fashion-mnist", "guidance")
    rows = zip(table["guidance"], table["scale"], table["accuracy"], strict=True)
    accuracy = {(name, scale): float(value) for name, scale, value in rows}
    assert accuracy["classifier", 0.0] < 0.2
    assert max(accuracy["classifier, interval", scale] for scale in (5.0, 8.0, 12.0)) >= 0.9


def test_prompts_are_followed_nearly_as_well_as_the_reader_can_tell_in_pictures_near_to_real_ones() -> None:
    rows = kept("heroes", "-n 1000")
    for what in ("mentions right", "whole prompts right"):
        assert value(rows, what) >= 0.97 * value(rows, f"{what}, real composites")
    kinds = [key for key in rows if key.endswith(" right") and key not in ("mentions right", "whole prompts right")]
    assert len(kinds) == 11
    for kind in kinds:
        assert value(rows, kind) >= min(0.9, 0.96 * value(rows, f"{kind}, real composites")), kind
    name = "Frechet distance"
    assert value(rows, name) <= 2.5 * value(rows, f"{name} of real composites"), "at the same setting"


def test_a_palette_that_is_kept_costs_nothing_else() -> None:
    plain, within = kept("heroes", "-n 1000"), kept("heroes", "-n 1000", "--palette")
    assert value(within, "pixels in the palette") == 1 > value(plain, "pixels in the palette")
    for what in ("mentions right", "whole prompts right"):
        assert value(within, what) >= plain[what][1], "within the interval"


def test_guidance_makes_prompts_followed_better() -> None:
    """Row N9 for words: at the default scale against plain conditioning, the same 1,000 held-out prompts and seeds."""
    table = load_table("heroes", "conditioning")
    assert "-n 1000" in table.command and float(table["scale"][0]) == recipe("heroes").generation.guidance
    assert float(table["low"][0]) > 0
