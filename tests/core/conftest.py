"""Exact models for the theorem tests: everything is compared with these. And a loader of ten rows."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from pedesis.process import FRAMES, Process
from pedesis.schedules import SCHEDULES, Schedule
from pedesis.theory.exact import Mixture
from pedesis.utils.noise import gaussian_noise

D = torch.float64


def make_schedule(name: str) -> Schedule:
    """A registered schedule with default arguments; the general chain gets the cosine betas of a short chain."""
    if name == "betas":
        return SCHEDULES.build({"name": "betas", "betas": torch.linspace(0.02, 0.6, 20).tolist()})
    if name == "learned":
        torch.manual_seed(0)
    return SCHEDULES.build({"name": name})


@pytest.fixture(params=list(SCHEDULES))
def schedule(request: pytest.FixtureRequest) -> Schedule:
    return make_schedule(request.param)


@pytest.fixture(params=list(FRAMES))
def process(request: pytest.FixtureRequest, schedule: Schedule) -> Process:
    return Process(schedule, request.param)


@pytest.fixture
def mixture() -> Mixture:
    """Three correlated Gaussians in the plane; the first two are class 0, the third class 1."""
    covs = torch.tensor(
        [[[0.10, 0.05], [0.05, 0.08]], [[0.05, 0.0], [0.0, 0.20]], [[0.12, -0.06], [-0.06, 0.09]]], dtype=D
    )
    means = torch.tensor([[-1.0, 0.5], [0.8, 0.9], [0.3, -1.1]], dtype=D)
    return Mixture(torch.tensor([0.3, 0.3, 0.4], dtype=D), means, covs, torch.tensor([0, 0, 1]))


@pytest.fixture
def points() -> torch.Tensor:
    """Sixteen fixed points of the plane, float64."""
    return gaussian_noise(7)(torch.empty(16, 2, dtype=D))


@pytest.fixture
def pairs() -> DataLoader[Any]:
    """Rows (2 i, 2 i + 1) / 20 with label i, shuffled."""
    data = torch.arange(20.0).reshape(10, 2) / 20
    return DataLoader(TensorDataset(data, torch.arange(10)), batch_size=3, shuffle=True)
