"""Evaluation: copies are noticed, curves are drawn, and what a weight file knows is used."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import pedesis_zoo as zoo
from pedesis.theory.variance import AnalyticVariance
from pedesis.utils.images import to_model
from pedesis_zoo.data import load_data
from pedesis_zoo.data.heroes import lexicon
from pedesis_zoo.evaluation import plots
from pedesis_zoo.evaluation.levels import learn_levels
from pedesis_zoo.evaluation.metrics import memorization, nearest_distance
from pedesis_zoo.evaluation.prompts import in_palette
from pedesis_zoo.models import measurements as tables


def test_the_nearest_is_the_nearest() -> None:
    known = torch.tensor([[0.0, 0.0], [3.0, 4.0], [10.0, 0.0]])
    distance = nearest_distance(torch.tensor([[3.0, 4.0], [0.0, 1.0], [13.0, 4.0]]), known)
    torch.testing.assert_close(distance, torch.tensor([0.0, 1.0, 5.0]) / 2**0.5)


def test_copies_of_training_pictures_are_noticed() -> None:
    train, test = (load_data("digits", split).pixels for split in ("train", "test"))
    share = "share nearer than the nearest 1 % of test pictures"
    assert memorization(train[:300], train, test)[share].value == 1
    unseen = memorization(test, train, test)
    assert unseen[share].value <= 0.015
    half = np.concatenate([train[:150], test[:150]])
    assert memorization(half, train, test)[share].value == pytest.approx(0.5, abs=0.02)


def test_a_published_model_knows_its_mean_variance() -> None:
    model = zoo.load("digits")
    informed = model.with_variance
    assert isinstance(informed, AnalyticVariance)
    pixels = load_data("digits", "train").pixels[512:712]  # not those that it was measured on
    log_snrs = informed.log_snrs
    again = learn_levels(model.denoiser, to_model(pixels), count=len(log_snrs)).table.variances
    middle = (log_snrs > -4) & (log_snrs < 4)
    torch.testing.assert_close(informed.variances[middle], again[middle], rtol=0.15, atol=0)


def test_the_variance_of_the_weight_file_reaches_the_sampler() -> None:
    settings = {"steps": 5, "guidance": 2.0}
    generated = {
        rule: zoo.sample("digits", "3", [1], sampler={"name": "ddpm", "variance": rule}, **settings)  # type: ignore[arg-type]
        for rule in ("optimal", "posterior")
    }
    assert (generated["optimal"] != generated["posterior"]).any()


@pytest.mark.parametrize("curve", plots.PLOTS)
def test_every_kind_of_curve_that_was_measured_can_be_drawn(
    curve: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(plots, "path_of", lambda model, name: tmp_path / f"{name}.csv")
    for model in tables.measured(curve):
        path = plots.draw_curve(model, curve)
        assert path is not None
        picture = np.array(Image.open(io.BytesIO(path.read_bytes())).convert("L"))
        assert picture.shape[1] > 500 and (picture < 200).mean() > 0.005, "something is drawn"


def test_a_plain_table_is_not_drawn() -> None:
    assert plots.draw_curve("fashion-mnist", "conditioning") is None


def test_composites_are_in_their_palette_and_noise_is_not() -> None:
    real = lexicon().draw(5, np.arange(50)).pixels
    assert in_palette(lexicon(), real) > 0.99
    noise = np.random.default_rng(0).integers(0, 256, real.shape, dtype=np.uint8)
    assert in_palette(lexicon(), noise) < 0.5
