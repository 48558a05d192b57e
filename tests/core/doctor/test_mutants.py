"""The mutation test: every wrong formula, in every function, prediction and schedule, is named, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
import torch

from pedesis import doctor
from pedesis.doctor.mutants import Mutant, mutants
from pedesis.process import Chain, Process
from pedesis.schedules import FromBetas

SCHEDULES = ("linear", "cosine", "scaled linear")
PREDICTIONS = ("eps", "x0", "v")
STEPS = 30


def findings(
    mutant: Mutant, chain: Chain, prediction: str, dtype: torch.dtype = torch.float64
) -> tuple[str | None, ...]:
    """What the doctor finds in a mutant. A shifted table is right if t may count from anywhere, so that is said."""
    base = 0 if mutant.fault.entry.name == "t-off-by-one" else None
    function = {mutant.subject: mutant.function(chain, dtype=dtype)}
    return doctor.examine(betas=chain.beta[1:], prediction=prediction, t_from=base, **function).names


def check_named(chain: Chain, chosen: Iterable[Mutant], prediction: str) -> None:
    wrong = {str(m): names for m in chosen if (names := findings(m, chain, prediction)) != (m.fault.entry.name,)}
    assert not wrong


@pytest.mark.parametrize(("prediction", "schedule"), zip(PREDICTIONS, SCHEDULES, strict=True))
def test_every_formula_of_the_catalogue_is_named(chains: Any, schedule: str, prediction: str) -> None:
    """One of each kind in every function; all there are, in the soak test."""
    chain = Process(FromBetas(chains(schedule, STEPS))).chain(STEPS)
    chosen = {(mutant.subject, mutant.fault.entry.name): mutant for mutant in mutants(chain, prediction)}.values()
    assert len(chosen) > 20
    check_named(chain, chosen, prediction)


soak = pytest.mark.soak


@soak
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_all_of_them_are_named_under_every_schedule(chains: Any, schedule: str, prediction: str) -> None:
    chain = Process(FromBetas(chains(schedule, STEPS))).chain(STEPS)
    check_named(chain, mutants(chain, prediction), prediction)


@pytest.mark.parametrize("dtype", [torch.float32, pytest.param(torch.float64, marks=soak)])
@pytest.mark.parametrize("steps", [10, pytest.param(100, marks=soak), pytest.param(1000, marks=soak)])
@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_every_formula_is_named_in_short_and_long_chains(
    chains: Any, prediction: str, steps: int, dtype: torch.dtype
) -> None:
    """One of each kind, from tables in either type.

    In ten steps one fault is named together with a second that is not there: the root of what the too large variance
    of DDIM leaves is of a negative number at most steps, so that two of three factors cannot be read.
    """
    chain = Process(FromBetas(chains("linear", steps))).chain(steps)
    chosen = {(mutant.subject, mutant.fault.entry.name): mutant for mutant in mutants(chain, prediction)}.values()
    found = {str(m): findings(m, chain, prediction, dtype) for m in chosen}
    wrong = {str(m): found[str(m)] for m in chosen if found[str(m)] != (m.fault.entry.name,)}
    if steps == 10:
        wrong = {name: names for name, names in wrong.items() if "wrong-posterior-variance in DDIM" not in name}
    assert not wrong and len(chosen) > 20


def test_two_mistakes_at_once_are_both_named(chains: Any) -> None:
    chain = Process(FromBetas(chains("cosine", STEPS))).chain(STEPS)
    steps = [mutant for mutant in mutants(chain, "eps") if mutant.formula.name == "DDPM, mean from eps, variance beta"]
    mean = [m for m in steps if set(m.fault.lines) & {"mean_scale", "eps_factor"}]
    noise = [m for m in steps if set(m.fault.lines) & {"noise_factor", "unless_last"}]
    assert len(mean) > 3 and len(noise) > 3
    for one, other in zip(mean, noise, strict=False):
        both = {**one.fault.lines, **other.fault.lines}
        step = doctor.mutants.implement(one.formula, chain, both)
        report = doctor.examine(betas=chain.beta[1:], step=step)
        assert set(report.names) == {one.fault.entry.name, other.fault.entry.name}, report
