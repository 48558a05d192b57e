"""Bits per dimension, measured on images whose law is known: independent Gaussian pixels on 256 levels."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from pedesis.denoiser import Condition, Denoiser
from pedesis.process import Process, Time
from pedesis.samplers.timesteps import TIMESTEP_SPACINGS
from pedesis.utils.noise import gaussian_noise
from pedesis_zoo.evaluation import variational_bound as bound
from pedesis_zoo.evaluation.levels import Levels, learn_levels
from pedesis_zoo.models import measurements as tables
from pedesis_zoo.models import registry
from pedesis_zoo.models.registry import MODELS, WEIGHTS

STD = 0.25
ENTROPY = math.log2(STD * math.sqrt(2 * math.pi * math.e) * 127.5)


class Pixels(Denoiser):
    """The exact denoiser of independent N(0, STD^2) pixels; `knows` its variance or not."""

    def __init__(self, knows: bool = False):
        super().__init__(Process("cosine"))
        self.knows, self.calls = knows, 0

    def gain(self, x_t: torch.Tensor, t: Time) -> tuple[torch.Tensor, torch.Tensor]:
        alpha, sigma, _ = self.process.scales(t, x_t)
        return alpha * STD**2 / (alpha**2 * STD**2 + sigma**2), alpha

    def x0(self, x_t: torch.Tensor, t: Time, condition: Condition = None) -> torch.Tensor:
        self.calls += 1
        return self.gain(x_t, t)[0] * x_t

    def variance(self, x_t: torch.Tensor, t: Time, condition: Condition = None) -> torch.Tensor | None:
        gain, alpha = self.gain(x_t, t)
        return STD**2 * (1 - alpha * gain) if self.knows else None


def images(count: int, seed: int) -> torch.Tensor:
    x = STD * gaussian_noise(seed)(torch.empty(count, 1, 8, 8))
    return ((x.clamp(-1, 1) + 1) * 127.5).round() / 127.5 - 1


@pytest.fixture(scope="module")
def levels() -> Levels:
    return learn_levels(Pixels(), images(300, 0))


def test_the_learned_variance_is_the_true_one(levels: Levels) -> None:
    snr = torch.exp(levels.table.log_snrs)
    true = STD**2 / (1 + snr * STD**2)
    rounding = (2 / 255) ** 2 / 12  # pixels are on levels, and their noise cannot be guessed
    torch.testing.assert_close(levels.table.variances, true, rtol=0.05, atol=rounding)
    inside = levels.table.log_snrs < 8  # where it is wider than a level; these pixels are hardly ever black or white
    torch.testing.assert_close(levels.decoder_variances[inside], true[inside], rtol=0.1, atol=0)


def test_black_pixels_ask_for_a_wider_decoder() -> None:
    """Half the pixels are black: their bin reaches to -infinity, so that the others alone decide the width."""
    x0 = images(200, 6)
    x0[:, :, ::2] = -1

    class HalfBlack(Pixels):
        def x0(self, x_t: torch.Tensor, t: Time, condition: Condition = None) -> torch.Tensor:
            guess = super().x0(x_t, t)
            guess[:, :, ::2] = -1
            return guess

    found = learn_levels(HalfBlack(), x0, count=10)
    ratio = (found.decoder_variances / found.table.variances)[found.table.log_snrs < 6]
    assert ((ratio > 1.6) & (ratio < 2.5)).all(), ratio


@pytest.mark.parametrize("steps", [2, 5, 20])
def test_the_bound_is_the_entropy_in_any_number_of_steps(levels: Levels, steps: int) -> None:
    """For one Gaussian the right variance makes the bound tight, so that only rounding to levels is left."""
    rows = bound.by_level(Pixels(), levels, images(400, 1), steps)
    *terms, total = rows
    assert [row["term"] for row in rows] == ["prior", *["denoising"] * (steps - 1), "reconstruction", "total"]
    assert sum(float(row["bits"]) for row in terms) == pytest.approx(float(total["bits"]), rel=1e-6)
    assert float(total["bits"]) == pytest.approx(ENTROPY, abs=4 * float(total["error"]))
    of_the_images = 1 / (math.log(2) * math.sqrt(2 * 64 * 400))  # the noise that is drawn comes on top
    assert 0.9 * of_the_images < float(total["error"]) < 3 * of_the_images
    for row in terms[1:]:
        expected = 127.5 * STD / math.sqrt(1 + STD**2 * math.exp(float(row["log_snr"])))
        assert float(row["rms"]) == pytest.approx(expected, rel=0.05, abs=0.15)


def test_the_searched_grid_is_a_grid_and_costs_least(levels: Levels) -> None:
    x0 = images(200, 2)
    rows = bound.in_few_steps(Pixels(), levels, x0, steps=(4,))
    assert {row["grid"] for row in rows} == {bound.SEARCHED, *TIMESTEP_SPACINGS}
    for row in rows:
        searched, analytic = row["grid"] == bound.SEARCHED, row["variance"] == "analytic"
        assert (row["over_searched"] == 0) == searched and (row["over_analytic"] == 0) == analytic
        if not analytic:
            assert float(row["over_analytic"]) > 2 * float(row["over_analytic_error"]), row
    for steps in (7, 401):
        times = levels.searched(steps).tolist()
        assert times[0] == 1 and times[-1] == 0 and len(times) == steps + 1 and all(a > b for a, b in pairwise(times))


def test_the_variances_share_one_walk_and_differ_as_gaussians_do(levels: Levels) -> None:
    """One denoising step and the reconstruction: the price of a wrong variance is a KL between two Gaussians."""
    model, x0 = Pixels(), images(100, 3)
    rows = {(row["grid"], row["variance"]): row for row in bound.in_few_steps(model, levels, x0, steps=(2,))}
    assert model.calls == 1 + 2 * 2 * (1 + len(list(TIMESTEP_SPACINGS))), (
        "a question asked by three rules is answered once"
    )
    process = model.process
    t1 = 0.5
    _, c_0, posterior = (float(v) for v in process.posterior_coefficients(t1, 1.0))
    snr, end = (float(process.log_snr(t).exp()) for t in (t1, 1.0))
    true, width = STD**2 / (1 + end * STD**2), STD**2 / (1 + snr * STD**2)
    best, beta = posterior + c_0**2 * true, posterior + c_0**2 / (1 + end)
    beta_1 = 1 / (1 + snr)
    price = 0.5 * (best / beta - 1 - math.log(best / beta)) + 0.5 * (width / beta_1 - 1 - math.log(width / beta_1))
    assert float(rows["uniform", "beta"]["over_analytic"]) == pytest.approx(price / math.log(2), rel=0.03)


def test_a_variance_of_the_models_own_is_used(levels: Levels) -> None:
    rows = bound.in_few_steps(Pixels(knows=True), levels, images(100, 4), steps=(3,))
    assert {row["variance"] for row in rows} == {"learned", "posterior", "beta", "analytic"}
    learned = [float(row["over_analytic"]) for row in rows if row["variance"] == "learned"]
    assert max(map(abs, learned)) < 0.01, "here both are right"


def test_tables_are_written_whole_and_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "MODELS", tmp_path)
    (tmp_path / "digits").mkdir()
    for file in ("recipe.py", WEIGHTS):
        (tmp_path / "digits" / file).touch()
    rows = [{"steps": 5, "grid": "uniform", "bits": 4.25}, {"steps": 10, "grid": "rho", "bits": math.inf}]
    path = tables.save_table("digits", "few-steps", "python -m pedesis_zoo ...", rows)
    assert path.read_text() == "# python -m pedesis_zoo ...\nsteps,grid,bits\n5,uniform,4.25\n10,rho,inf\n"
    table = tables.load_table("digits", "few-steps")
    assert table.command == "python -m pedesis_zoo ..."
    assert table["steps"] == [5, 10] and table["grid"] == ["uniform", "rho"] and table["bits"] == [4.25, math.inf]
    assert tables.measured("few-steps") == ["digits"]
    with pytest.raises(ValueError, match="'bits' has not been measured for 'digits'; measured: none"):
        tables.load_table("digits", "bits")


@pytest.mark.parametrize(
    "path", sorted(MODELS.glob("*/curves/*.csv")), ids=lambda path: f"{path.parents[1].name}-{path.stem}"
)
def test_every_kept_curve_names_its_command(path: Path) -> None:
    table = tables.load_table(path.parents[1].name, path.stem)
    assert table.command.startswith(f"python -m pedesis_zoo evaluate {path.parents[1].name} ")
    assert len({len(column) for column in table.columns.values()}) == 1


def test_the_command_line_measures_and_says_how_to_repeat_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from pedesis_zoo.cli import main

    monkeypatch.setattr("sys.argv", ["pedesis_zoo", "evaluate", "digits", "--few-steps", "-n", "50", "--steps", "3"])
    with pytest.raises(SystemExit, match="0"):
        main()
    command, *lines = capsys.readouterr().out.splitlines()
    assert command == "python -m pedesis_zoo evaluate digits -n 50 --few-steps --steps 3"
    assert [line.rsplit("  ", 1)[0].strip() for line in lines] == [
        "bits per dimension, 3 steps, searched grid, analytic variance",
        "bits per dimension, 3 steps: the uniform grid needs more by",
        "bits per dimension, 3 steps, uniform grid: the posterior variance needs more by",
        "bits per dimension, 3 steps, uniform grid: the beta variance needs more by",
    ]
    assert all("[" in line for line in lines), "with intervals"


def test_the_flow_needs_the_entropy_and_no_more(levels: Levels) -> None:
    needed = bound.by_flow(Pixels(), levels, images(100, 5))
    assert float(needed.mean()) == pytest.approx(ENTROPY, abs=0.003 + 3 * float(needed.std()) / 10)
    single = images(3, 5)  # a picture's bits are its own: the same in any batch
    torch.testing.assert_close(bound.by_flow(Pixels(), levels, single), needed[:3], rtol=0, atol=0.2)
