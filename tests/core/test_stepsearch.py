"""The best sub-trajectory: against brute force, and against the bound itself."""

from itertools import combinations, pairwise

import pytest
import torch

from pedesis.process import Process
from pedesis.theory.elbo import elbo
from pedesis.theory.exact import Mixture, MixtureDenoiser
from pedesis.theory.reverse import OptimalVariance
from pedesis.theory.step_search import best_steps, variational_cost
from pedesis.theory.variance import AnalyticVariance
from pedesis.utils.noise import gaussian_noise

D = torch.float64


@pytest.mark.row("N5")
@pytest.mark.parametrize("steps", [1, 2, 3, 5, 7])
def test_the_search_finds_what_brute_force_finds(steps: int) -> None:
    cost = torch.rand(8, 8, generator=torch.Generator().manual_seed(steps), dtype=D)
    path, total = best_steps(cost, steps)
    assert len(path) == steps + 1 and path[0] == 7 and path[-1] == 0 and (path.diff() < 0).all()
    every = [
        sum(cost[s, t].item() for s, t in zip((0, *inner), (*inner, 7), strict=True))
        for inner in combinations(range(1, 7), steps - 1)
    ]
    assert total == pytest.approx(min(every))
    assert total == pytest.approx(sum(cost[s, t].item() for t, s in pairwise(path)))


@pytest.mark.parametrize("steps", [0, 8])
def test_impossible_numbers_of_steps_are_named(steps: int) -> None:
    with pytest.raises(ValueError, match="1 to 7 steps"):
        best_steps(torch.ones(8, 8), steps)


@pytest.mark.row("N5")
def test_the_variational_cost_is_the_bound_and_its_best_grid_beats_the_uniform_one() -> None:
    """A spread-out and a narrow Gaussian: the cost of a grid equals its bound, and the search improves on it."""
    law = Mixture(
        torch.ones(1, dtype=D),
        torch.tensor([[0.2, -0.1]], dtype=D),
        torch.diag(torch.tensor([0.5, 0.02], dtype=D))[None],
    )
    process, count, nodes, steps = Process("cosine"), 60_000, 40, 5
    exact = MixtureDenoiser(law, process)
    times = torch.linspace(0, 1, nodes + 1, dtype=D)
    noise = gaussian_noise(0)
    x0, _ = law.sample(count, noise, torch.zeros(count, dtype=D))
    squares = torch.stack(
        [torch.zeros((), dtype=D)]
        + [(exact(process.marginal(x0, t).sample(noise), t).x0 - x0).square().mean() for t in times[1:]]
    )
    cost = variational_cost(process, times, squares)
    table = AnalyticVariance(exact, process.log_snr(times[1:]).flip(0), squares[1:].flip(0))

    def bound(nodes: torch.Tensor) -> float:
        terms = elbo(table, x0, times[nodes], gaussian_noise(1), OptimalVariance(), levels=None)
        return (terms.diffusion + terms.reconstruction).mean().item() / 2

    def predicted(nodes: torch.Tensor) -> float:
        total = sum(cost[s, t].item() for t, s in pairwise(nodes))
        return total + 0.5 * torch.log(torch.tensor(2 * torch.pi)).item()

    uniform, (best, _) = torch.arange(nodes, -1, -nodes // steps), best_steps(cost, steps)
    for path in (uniform, best):
        assert bound(path) == pytest.approx(predicted(path), abs=0.02)
    assert bound(best) < bound(uniform) - 0.02
