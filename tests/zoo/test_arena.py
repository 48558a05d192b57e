"""The arena: equal work, common seeds, distances to what is known; what is the same comes out the same."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import pedesis_zoo as zoo
from pedesis.guidance import ClassifierFreeGuidance, Guided
from pedesis.lessons import guidance as classes
from pedesis.lessons import mixtures
from pedesis.samplers import DDIM, SAMPLERS, Sampler, UniPC
from pedesis.samplers.timesteps import TimestepSpacing, timesteps
from pedesis_zoo.cli import main
from pedesis_zoo.data.sets import OWN as OWN_DATA
from pedesis_zoo.evaluation.arena import exact, pictures
from pedesis_zoo.evaluation.arena.entries import Retimed, field_of, own
from pedesis_zoo.evaluation.arena.outcome import Outcome

OWN = """
import math
import torch
from pedesis.guidance import ClassifierFreeGuidance
from pedesis.samplers import Sampler
from pedesis.samplers.timesteps import TimestepSpacing
from pedesis.schedules import Schedule


class Adams(Sampler):
    memory = 1

    def step(self, process, now, s, denoise, noise, before):
        h, slope = s.ratio - now.level.ratio, now.predicted.eps
        if before:
            last = before[-1]
            slope = slope + h / (now.level.ratio - last.level.ratio) / 2 * (slope - last.predicted.eps)
        return s.alpha * (now.x_t / now.level.alpha + h * slope)


class EvenSteps(TimestepSpacing):
    def spaced(self, process, steps):
        return torch.linspace(1, 0, steps + 1, dtype=torch.float64)


class Straight(Schedule):
    def log_snr(self, t):
        return 2 * torch.log((1 - 0.999 * t) / (0.999 * t))


class Plain(ClassifierFreeGuidance):
    pass


class _Hidden(Sampler):
    pass
"""
SMALL = {"model": None, "data": ["moons"], "budgets": [6]}


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a file of each kind of entry."""
    (tmp_path / "mine.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Euler(Sampler):
    """DDIM, written as Euler in sigma / alpha."""

    def step(self, process, now, s, denoise, noise, before):  # type: ignore[no-untyped-def]
        return s.alpha * (now.x_t / now.level.alpha + (s.ratio - now.level.ratio) * now.predicted.eps)


def named(outcome: Outcome, name: str, on: str) -> list[dict[str, object]]:
    """The rows of an entry, without its name."""
    rows = [row for row in outcome.rows if row["name"] == name and row["on"] == on]
    return [{key: value for key, value in row.items() if key not in ("name", "own", "kind")} for row in rows]


def test_one_sampler_under_two_names_has_the_same_numbers_and_a_fair_verdict() -> None:
    """On mixtures and on pictures: the same seeds, the same work."""
    outcome = zoo.arena.compare(Euler, data=["moons"], budgets=[3, 6], number=50)
    for on in ("moons", "digits"):
        for one, other in zip(named(outcome, "euler", on), named(outcome, "ddim", on), strict=True):
            assert one["evaluations"] == other["evaluations"] == one["budget"]
            for column in ("distance", "low", "high", "error", "accuracy"):
                if one[column] != "":
                    assert one[column] == pytest.approx(other[column], rel=1e-3), column
    assert str(outcome).count("worse than the best of ours") >= 2, "two samplers of ours are better at 6 evaluations"


def test_nobody_asks_more_often_than_is_allowed_and_all_use_what_they_can() -> None:
    outcome = zoo.arena.compare(model=None, data=["moons"], budgets=[7])
    for result in outcome.results:
        sampler = result.entry.thing
        denoiser = mixtures.denoiser("moons", "cosine")
        more = sampler.count(denoiser.process, timesteps(denoiser.process, result.steps + 1, "log-snr"))
        assert result.evaluations <= 7 < more, result.entry.name
    assert {r.entry.name for r in outcome.results} >= {"ddim", "ddpm", "heun", "unipc", "pc"}


def test_the_error_of_a_sampler_falls_with_its_order(mine: Path) -> None:
    """Adams-Bashforth of second order, from a file: the column says 2, and the errors say the same at their end."""
    adams = own("mine.py")[0]
    order = exact.order_of(adams)
    few, many = (exact.contest(adams, "moons", budget, None, 300, 0, order) for budget in (20, 40))
    assert few is not None and few.order == pytest.approx(2, abs=0.3)
    assert many is not None and many.error < few.error / 2  # type: ignore[operator]


def test_the_end_of_the_flow_is_found_by_another_solver_too() -> None:
    denoiser = mixtures.denoiser("moons", "cosine")
    start = denoiser.process.prior(torch.zeros(300, 2, dtype=torch.float64)).sample(exact.gaussian_noise(5))
    other = UniPC(3).sample(denoiser, start[: exact.CHECKED], timesteps(denoiser.process, 600, exact.Fine()))
    apart = (exact.flow_end(denoiser, 5, 300) - other).norm(dim=1)
    assert float(apart.max()) < 1e-3 and float(apart.mean()) < 1e-5


def test_guidance_is_held_against_the_tilted_law() -> None:
    """Draws by rejection against the density p(x) p(y | x)^scale on a lattice."""
    for scale in (1.0, 3.0):
        drawn = exact.truth(exact.GUIDED, scale)
        lattice = classes.densities(0, scale, 0.0, 161)
        weight = lattice.guided / lattice.guided.sum()
        across, up = np.meshgrid(lattice.x, lattice.x)
        mean = [(weight * across).sum(), (weight * up).sum()]
        np.testing.assert_allclose(drawn.mean(0), mean, atol=0.03)
    assert len(exact.truth(exact.GUIDED, 3.0)) < len(exact.truth(exact.GUIDED, 1.0)) == exact.KNOWN


def test_every_kind_meets_its_own_kind_and_equals_what_it_equals(mine: Path) -> None:
    """Even steps are our uniform grid, a rule that changes nothing is classifier-free guidance, on both kinds of data;
    a schedule that is the model's own is its uniform grid."""
    entries = {entry.name: entry.kind for entry in own("mine.py")}
    assert entries == {"adams": "sampler", "even-steps": "grid", "straight": "schedule", "plain": "guidance"}
    module = sys.modules["mine"]
    outcome = zoo.arena.compare(module.EvenSteps, module.Plain, module.Straight, data=["moons"], budgets=[4], number=50)
    for name, other, places in (
        ("even-steps", "uniform", ("moons", "digits")),
        ("plain", "classifier-free", (exact.GUIDED, "digits")),
    ):
        for place in places:
            assert named(outcome, name, place) == named(outcome, other, place) != [], (name, place)
    assert named(outcome, "straight", "moons")[0]["distance"] == pytest.approx(
        named(outcome, "flow", "moons")[0]["distance"], rel=0.1
    )
    process = zoo.load("digits").denoiser.process
    torch.testing.assert_close(Retimed(process.schedule)(process, 9), timesteps(process, 9))


def test_ours_that_the_user_names_is_the_users_and_nobody_meets_himself() -> None:
    entries = field_of(own("ddim"))["sampler"]
    assert [entry.own for entry in entries].count(True) == 1 and entries[0].name == "ddim"
    assert len({entry.name for entry in entries}) == len(entries)
    assert [entry.name for entry in own(DDIM(0.5))] == ["ddim"]


def test_a_model_of_ones_own_is_held_against_what_it_draws_in_many_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = zoo.load("digits")
    monkeypatch.setitem(model.about, "data", {**model.about["data"], "source": OWN_DATA})
    measure = pictures.measure_for(model, None, 64, 0)
    assert model.data is None and "its own in 50 steps" in measure.title and measure.judge is None
    known = pictures.measure_for(model, "digits", 64, 0)
    assert "359 pictures of digits" in known.title
    outcome = zoo.arena.compare("heun", model=model, data=[], budgets=[1, 8, 9], number=50)
    few, many = named(outcome, "ddim", "digits")
    assert float(many["distance"]) < float(few["distance"])  # type: ignore[arg-type]


class Raises(DDIM):
    def step(self, *arguments):  # type: ignore[no-untyped-def]
        raise KeyError("no such\nlevel")


class Shrinks(DDIM):
    def step(self, *arguments):  # type: ignore[no-untyped-def]
        return super().step(*arguments)[:, :1].sum() * torch.ones(3)


class Explodes(DDIM):
    def step(self, process, now, s, *rest):  # type: ignore[no-untyped-def]
        return super().step(process, now, s, *rest) / (0 if s.t == 0 else 1)


class Needy(DDIM):
    def __init__(self, strength: float):
        super().__init__()


class Grid(TimestepSpacing):
    def spaced(self, process, steps):  # type: ignore[no-untyped-def]
        return torch.linspace(0, 1, steps + 1, dtype=torch.float64) ** 0


class Lost(Guided):
    def predict(self, *arguments):  # type: ignore[no-untyped-def]
        raise NotImplementedError


@pytest.mark.parametrize(
    ("thing", "said"),
    [
        (Raises, "the sampler 'raises' raised KeyError as its order was measured: 'no such\\nlevel'"),
        (Shrinks, "the sampler 'shrinks' raised"),
        (Needy, "the sampler Needy needs arguments"),
        (Grid, "the grid 'grid' raised ValueError on the mixture 'moons' with 6 evaluations: times must decrease"),
        (Lost, "the guidance 'lost' raised"),
        (3, "the arena takes samplers, time grids, schedules, guidance rules"),
        ("hein", "did you mean 'heun'?"),
        ("absent.py", "importing 'absent.py' failed: FileNotFoundError"),
        ("empty.py", "empty.py defines nothing for the arena: write a class that is a pedesis' Sampler"),
        ("broken.py", "importing 'broken.py' failed: SyntaxError"),
    ],
)
def test_what_cannot_take_part_is_one_sentence(mine: Path, thing: object, said: str) -> None:
    (mine / "empty.py").write_text("from pedesis.samplers import DDIM, Sampler\n")
    (mine / "broken.py").write_text("def\n")
    with pytest.raises(ValueError) as raised:
        zoo.arena.compare(thing, **SMALL)
    assert said in str(raised.value) and "\n" not in str(raised.value)


def test_what_is_not_finite_is_said_and_does_not_stop_the_others(tmp_path: Path) -> None:
    outcome = zoo.arena.compare(Explodes, **SMALL)
    assert "explodes on moons with 6 evaluations: what it draws is not finite" in str(outcome)
    assert math.isinf(float(named(outcome, "explodes", "moons")[0]["distance"]))  # type: ignore[arg-type]
    outcome.save(tmp_path / "a.csv")
    assert "inf" in (tmp_path / "a.csv").read_text()
    outcome.plot(tmp_path / "a.png")


def typed(arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """The exit code of a command, and what it said."""
    monkeypatch.setattr(sys, "argv", ["pedesis_zoo", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    out, err = capsys.readouterr()
    return int(stopped.value.code or 0), out + err


def test_the_command_writes_a_table_a_plot_and_what_makes_them_again(
    mine: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (mine / "mine.py").write_text(OWN.split("class EvenSteps")[0])
    options = ["--model", "none", "--data", "moons", "--budget", "5", "--csv", "a.csv", "--plot", "a.png"]
    code, said = typed(["arena", "mine.py", *options], capsys, monkeypatch)
    assert code == 0 and "* adams" in said and "the best of ours" in said
    first, header, *rows = (mine / "a.csv").read_text().splitlines()
    assert first == f"# python -m pedesis_zoo arena mine.py {' '.join(options)}"
    assert header.startswith("on,kind,name,own,scale,budget,steps,evaluations,distance,low,high,error,order,accuracy")
    assert any(row.startswith("moons,sampler,adams,yes,,5,5,5,") for row in rows)
    assert (mine / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["absent.py"], "importing 'absent.py' failed"),
        (["--csv", "a.txt"], "name a file that ends in .csv"),
        (["--plot", "no/such/a.png"], "does not exist; create it first"),
        (["--data", "moon"], "unknown mixture in the plane 'moon'; did you mean 'moons'?"),
        (["--model", "digts"], "did you mean 'digits'?"),
        (["--budget", "0"], "budgets must lie between 1 and 1000"),
        (["classifier-free", "--guidance", "0.5"], "scales must lie between 1 and 100"),
        (["classifier-free", "--model", "fashion-mnist-student-4"], "need a model that takes conditions"),
    ],
)
def test_a_users_mistake_is_one_sentence_and_leaves_nothing(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, printed = typed(["arena", *arguments], capsys, monkeypatch)
    assert code == 2 and said in printed and "Traceback" not in printed
    assert not list(tmp_path.iterdir())


def test_it_touches_no_global_state() -> None:
    torch.manual_seed(3)
    before, names = torch.get_rng_state(), set(SAMPLERS)
    zoo.arena.compare(ClassifierFreeGuidance, **SMALL)
    assert torch.equal(before, torch.get_rng_state()) and names == set(SAMPLERS)
