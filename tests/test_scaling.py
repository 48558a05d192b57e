"""docs/scaling.md says what is counted now, and what is counted is right."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from pedesis_zoo.models.registry import recipe

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def scaling() -> Any:
    sys.path.insert(0, str(DOCS))
    try:
        import write_scaling
    finally:
        sys.path.remove(str(DOCS))
    return write_scaling


@pytest.fixture(scope="module")
def counts(scaling: Any) -> Any:
    return sys.modules["scaling_counts"]


def test_the_document_repeats(scaling: Any) -> None:
    assert (DOCS / "scaling.md").read_text() == scaling.document(), "make scaling writes it anew"


def test_counts_are_those_by_hand(counts: Any) -> None:
    small = {"name": "unet", "patch": 1, "widths": (8,), "blocks": (1,), "heads": 0, "embedding": 8, "detail": 4}
    found = counts.counted(small, 1, 4)
    blocks = 3 * (8 * 8 + 8 * 8) + 8 * 8  # of 3x3: in the middle 8 -> 8 -> 8, on the way up 16 -> 8 -> 8
    by_pixel = 9 * (1 * 8 + blocks + 8 * 4 + 5 * 4 + 4 * 1) + 16 * 8  # stem, blocks, end, shortcut
    linear = 2 * 8 * 8 + 3 * 8 * 16  # noise level, modulations
    assert found.forward == 2 * (16 * by_pixel + linear)
    assert found.parameters == by_pixel + linear + 8 + 3 * 16 + 8 + 4 + 4 + 1 + 2 * 8 + 3 * 16


def test_moved_and_saved_are_what_operations_read_write_and_keep(counts: Any) -> None:
    x, y = torch.zeros(100, requires_grad=True), torch.zeros(100)
    with counts.Moved() as moved, counts.saving() as kept:
        z = (x + y).reshape(10, 10).exp()
    assert moved.numbers == 300 + 200 and list(kept.values()) == [100] and z.shape == (10, 10)


def test_public_networks_have_their_published_parameters(scaling: Any) -> None:
    for run in (scaling.CIFAR, scaling.IMAGENET):
        assert scaling.of_song_or_adm(*run.shape)[1] == pytest.approx(1e6 * run.parameters, rel=0.01)


@pytest.mark.parametrize("gpus", [1, 2, 3, 8])
def test_a_ring_sends_what_the_formula_says(gpus: int, scaling: Any) -> None:
    """Each GPU passes on one of N parts at a time, N - 1 times to add them up and N - 1 times to tell the sums."""
    parameters, parts = 840, [[float(rank * 10 + part) for part in range(gpus)] for rank in range(gpus)]
    sent = 0.0
    for phase in range(2 * (gpus - 1)):
        passed = [(rank, (rank - phase) % gpus, parts[rank][(rank - phase) % gpus]) for rank in range(gpus)]
        for rank, part, value in passed:
            after = (rank + 1) % gpus
            parts[after][part] = value + (parts[after][part] if phase < gpus - 1 else 0)
        sent += 4 * parameters / gpus
    assert all(row == [sum(rank * 10 + part for rank in range(gpus)) for part in range(gpus)] for row in parts)
    assert scaling.sum_seconds(parameters, gpus, scaling.H100) == pytest.approx(sent / scaling.H100.link)


def test_recipes_for_large_gpus_have_widths_that_fill_their_tiles() -> None:
    for name in ("cifar-10", "imagenet-64"):
        assert all(width % 64 == 0 for width in recipe(name).network["widths"])
