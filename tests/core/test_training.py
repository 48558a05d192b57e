"""Training: runs are reproducible, resuming changes no bit, and nothing wrong goes through."""

from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader

from pedesis.denoiser import NetworkDenoiser
from pedesis.losses import Loss
from pedesis.nn import MLP, UNet
from pedesis.process import Process
from pedesis.theory.exact import Mixture, MixtureDenoiser
from pedesis.training import (
    ArrayBatches,
    TrainConfig,
    TrainState,
    agrees,
    fit,
    learning_rate,
    validation_loss,
)
from pedesis.training.config import OPTIMIZERS
from pedesis.utils.noise import TrainingNoise, gaussian_noise

D = torch.float64


def small() -> tuple[NetworkDenoiser, ArrayBatches]:
    torch.manual_seed(0)
    network = UNet(patch=1, widths=(8, 16), blocks=(1, 1), heads=2, embedding=16, detail=4, classes=3)
    pixels = torch.randint(0, 256, (40, 8, 8, 1), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    return NetworkDenoiser(network, Process("cosine"), "v", 0.6), ArrayBatches(pixels, torch.arange(40) % 3, 16)


def run(
    steps: int,
    stop: int | None = None,
    resume: Path | None = None,
    save: Path | None = None,
    optimizer: str = "adamw",
) -> TrainState[Any]:
    denoiser, batches = small()
    config = TrainConfig(batch=16, steps=steps, warmup=3, optimizer=optimizer)
    for state in islice(fit(denoiser, batches, Loss("v", 0.1), config, resume), stop):
        pass
    if save is not None:
        state.save(save)
    return state


@pytest.mark.everywhere
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_resumed_run_ends_in_the_same_bits(tmp_path: Path, optimizer: str) -> None:
    straight = run(8, optimizer=optimizer)
    run(8, stop=5, save=tmp_path / "half.safetensors", optimizer=optimizer)
    resumed = run(8, resume=tmp_path / "half.safetensors", optimizer=optimizer)
    assert resumed.step == straight.step == 8
    for a, b in zip([*straight.parameters, *straight.ema], [*resumed.parameters, *resumed.ema], strict=True):
        assert torch.equal(a, b)


def test_a_plan_of_minutes_is_kept_when_a_run_goes_on(tmp_path: Path) -> None:
    """A resumed run is in the middle of its cool-down if it was; one that is done stays done; more time plans anew."""
    path = tmp_path / "half.safetensors"

    def trained(minutes: float, stop: int | None = None, resume: Path | None = None) -> list[TrainState[Any]]:
        denoiser, batches = small()
        config = TrainConfig(batch=16, minutes=minutes, warmup=3)
        return list(islice(fit(denoiser, batches, Loss("v", 0.1), config, resume), stop))

    begun = trained(0.03, stop=12)[-1]
    assert begun.steps is not None, "the speed has been measured"
    begun.save(path)
    assert trained(0.03, stop=1, resume=path)[-1].steps == begun.steps
    done = trained(0.03, resume=path)[-1]
    assert done.step == done.steps == begun.steps
    done.save(path)
    assert not trained(0.03, resume=path), "nothing is left of the plan"
    assert not trained(done.seconds / 120, resume=path), "the time is used up"
    more = trained(10, stop=13, resume=path)[-1]
    assert more.steps is not None and more.steps > done.step + 13


def test_options_newer_than_a_checkpoint_are_not_held_against_it() -> None:
    kept = {"network": {"name": "unet", "widths": [8, 12]}, "data_std": 0.5}
    newer = {"network": {"name": "unet", "widths": [8, 12], "enlarges": 0}, "data_std": 0.5}
    assert agrees(kept, newer) and not agrees(newer, kept)
    assert not agrees(kept, {**kept, "data_std": 1.0})
    assert not agrees(kept, {**kept, "network": {"name": "unet", "widths": [8, 16]}})


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    run(2, save=path)
    other = NetworkDenoiser(MLP(), Process("cosine"))
    with pytest.raises(ValueError, match="not a checkpoint of this model"):
        next(fit(other, small()[1], Loss(), TrainConfig(batch=16), path))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="cannot be read as a checkpoint"):
        run(4, resume=path)


def test_the_average_is_the_power_law_average() -> None:
    """ema_n = sum_k w_k theta_k with w_k proportional to k^g, for whole g, approached as Karras et al. define it."""
    denoiser, batches = small()
    power, weights, first = 2.0, [], []
    for state in fit(denoiser, batches, Loss("v"), TrainConfig(batch=16, steps=12, ema_power=power)):
        first.append(state.parameters[0].detach().clone().double())
        weights = [w * (1 - 1 / state.step) ** (power + 1) for w in weights] + [1 - (1 - 1 / state.step) ** (power + 1)]
    expected = sum(w * theta for w, theta in zip(weights, first, strict=True))
    torch.testing.assert_close(state.ema[0].double(), expected, rtol=1e-5, atol=1e-6)  # type: ignore[arg-type]
    assert sum(weights) == pytest.approx(1)
    ema_model = next(p for p in state.ema_model().parameters())
    assert torch.equal(ema_model, state.ema[0]) and not ema_model.requires_grad


def test_learning_rate_warms_up_and_cools_down() -> None:
    config = TrainConfig(learning_rate=1.0, warmup=10, cooldown=0.5)
    assert [learning_rate(config, s, None) for s in (0, 4, 9, 1000)] == pytest.approx([0.1, 0.5, 1, 1])
    assert [learning_rate(config, s, 100) for s in (20, 50, 75, 99)] == pytest.approx([1, 1, 0.5, 0.02])


def test_training_fits_a_mixture(mixture: Mixture) -> None:
    """A small network on points of the plane comes close to the exact denoiser."""
    process = Process("cosine")
    x0, _ = mixture.sample(
        4000, gaussian_noise(0), torch.rand(4000, generator=torch.Generator().manual_seed(0), dtype=D)
    )
    torch.manual_seed(0)
    denoiser = NetworkDenoiser(MLP(width=64), process, "v", float(x0.std()))
    config = TrainConfig(batch=256, steps=500, learning_rate=5e-3, warmup=20)
    for state in fit(denoiser, ArrayBatches(x0.float(), None, 256), Loss("v"), config):
        pass
    learned, exact = state.ema_model(), MixtureDenoiser(mixture, process)
    noise = gaussian_noise(5)
    for t in (0.3, 0.6):
        x_t = process.marginal(x0, t).sample(noise)
        with torch.no_grad():
            gap = (learned(x_t.float(), t).x0 - exact(x_t, t).x0).square().mean()
        assert gap < 0.1 * exact(x_t, t).variance.mean(), (t, gap)


def test_a_loss_that_is_not_finite_stops_the_run() -> None:
    denoiser, batches = small()
    broken = lambda step, rows: (batches(step, rows)[0] * float("nan"), None)  # noqa: E731
    with pytest.raises(FloatingPointError, match="step 0"):
        next(fit(denoiser, broken, Loss("v"), TrainConfig(batch=16)))


@pytest.mark.parametrize(("rows", "batch"), [(256, 128), (16, 64)])
def test_the_batch_has_one_size(rows: int, batch: int) -> None:
    """Batches of 256 with steps of 128 would skip half of the data; of 16 with 64, show rows in four steps."""
    denoiser, _ = small()
    batches = ArrayBatches(torch.zeros(300, 8, 8, 1, dtype=torch.uint8), None, rows)
    with pytest.raises(ValueError, match=f"batches have {rows} rows and TrainConfig says {batch}"):
        fit(denoiser, batches, Loss("v"), TrainConfig(batch=batch))
    with pytest.raises(ValueError, match=f"batches have {rows} rows; asked for"):
        batches(0, range(rows, rows + 1))


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch": 0},
        {"steps": 0},
        {"steps": -3},
        {"minutes": 0},
        {"minutes": float("nan")},
        {"learning_rate": 0},
        {"learning_rate": float("inf")},
        {"cooldown": 1.5},
        {"optimizer": "adam"},
        {"seed": -1},
        {"accumulate": 0},
        {"accumulate": 9, "batch": 8},
    ],
)
def test_numbers_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
        TrainConfig(**wrong)


def test_a_batch_in_parts_has_the_gradient_of_the_whole() -> None:
    gradients = []
    for accumulate in (1, 3, 16):
        denoiser, batches = small()
        torch.nn.init.normal_(denoiser.network.out.weight)  # type: ignore[union-attr]
        config = TrainConfig(batch=16, accumulate=accumulate, clip=1e9)
        state = next(fit(denoiser, batches, Loss("v", 0.1), config))
        gradients.append(torch.cat([p.grad.flatten() for p in state.parameters if p.grad is not None]))
    for gradient in gradients[1:]:
        gap = (gradient - gradients[0]).norm() / gradients[0].norm()
        assert gap < 0.02, gap  # bfloat16 rounds each part in its own way


class Forgetful(torch.nn.Module):
    """A module of anybody's: no description, a frozen part, statistics that are no parameters, an unused weight."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.dropout = torch.nn.BatchNorm1d(2), torch.nn.Dropout(0.5)
        self.linear, self.frozen = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2).requires_grad_(False)
        self.unused = torch.nn.Parameter(torch.ones(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.frozen(self.linear(self.dropout(self.norm(x))))
        return out


def squared(model: Any, x0: torch.Tensor, condition: Any, noise: TrainingNoise) -> tuple[torch.Tensor, torch.Tensor]:
    return (model(x0) - x0).square().mean(1), torch.zeros(len(x0))


@pytest.mark.parametrize("data", ["loader", "array"])
def test_any_module_is_stopped_and_resumed_in_the_same_bits(tmp_path: Path, data: str, pairs: DataLoader[Any]) -> None:
    """Dropout and the shuffling of a DataLoader included, though torch draws them from a generator of its own."""

    def trained(steps: int, stop: int | None = None, resume: Path | None = None, seed: int = 0) -> TrainState[Any]:
        torch.manual_seed(7)
        model = Forgetful()
        torch.manual_seed(seed)  # what a caller's other code leaves behind
        before = torch.random.get_rng_state()
        batches = pairs if data == "loader" else ArrayBatches(torch.arange(20.0).reshape(10, 2) / 20, None, 4)
        for state in islice(fit(model, batches, squared, TrainConfig(batch=4, steps=steps), resume), stop):
            pass
        assert torch.equal(torch.random.get_rng_state(), before), "the caller's random numbers are its own"
        return state

    path = tmp_path / "c.safetensors"
    trained(9, stop=4, seed=1).save(path)
    straight, resumed = trained(9, seed=2), trained(9, resume=path, seed=3)
    for name, value in straight.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name
    with pytest.raises(ValueError, match=r"parameters: .* then, .* now"):
        fit(torch.nn.Linear(2, 2), pairs, squared, TrainConfig(batch=4), path)


def test_the_validation_loss_is_the_same_number_at_every_time_and_in_any_parts() -> None:
    denoiser, batches = small()
    once = validation_loss(denoiser, batches, Loss("v"), 16, at_once=16)
    assert validation_loss(denoiser, batches, Loss("v"), 16, at_once=16) == once and denoiser.training
    assert validation_loss(denoiser, batches, Loss("v"), 16, at_once=5) == pytest.approx(once, rel=0.02)
    expected = Loss("v")(denoiser, *batches(0, range(16)), TrainingNoise(0, 0, 16))[0].mean().item()
    assert once == pytest.approx(expected)


def test_a_frozen_model_says_how_to_train_it() -> None:
    denoiser, batches = small()
    with pytest.raises(ValueError, match="trainable"):
        fit(denoiser.requires_grad_(False), batches, Loss("v"), TrainConfig(batch=16))


def test_a_checkpoint_says_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"

    def resumed(batch: int = 16, seed: int = 0, std: float = 0.6, about: dict[str, Any] | None = None) -> Any:
        denoiser, _ = small()
        denoiser.data_std = std
        batches = ArrayBatches(torch.zeros(300, 8, 8, 1, dtype=torch.uint8), torch.zeros(300).long(), batch)
        config = TrainConfig(batch=batch, seed=seed, learning_rate=0.5)
        return fit(denoiser, batches, Loss("v"), config, path if path.exists() else None, about)

    next(resumed(about={"classes": ["cat", "dog"]})).save(path)
    next(resumed(about={"classes": ["cat", "dog"], "newer": 1}))
    with pytest.raises(ValueError, match=r"classes: \['cat', 'dog'\] then, \['dog', 'cat'\] now"):
        resumed(about={"classes": ["dog", "cat"]})
    with pytest.raises(ValueError, match="batch: 16 then, 8 now"):
        resumed(batch=8)
    with pytest.raises(ValueError, match="seed: 0 then, 1 now"):
        resumed(seed=1)
    with pytest.raises(ValueError, match=r"data_std: 0\.6 then, 0\.5 now"):
        resumed(std=0.5)
    with pytest.raises(ValueError, match="must be plain data|not JSON"):
        resumed(about={"classes": object()})


def test_an_infinite_gradient_leaves_the_weights_as_they_were() -> None:
    class Root(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(2))

    def root(model: Root, x0: torch.Tensor, condition: Any, noise: TrainingNoise) -> tuple[torch.Tensor, torch.Tensor]:
        return (model.weight * 0).sum().sqrt() + x0.sum(1), torch.zeros(len(x0))  # finite, with an infinite slope

    model = Root()
    with pytest.raises(FloatingPointError, match="gradient became"):
        next(fit(model, ArrayBatches(torch.zeros(4, 2), None, 4), root, TrainConfig(batch=4)))
    assert torch.equal(model.weight, torch.zeros(2))


def test_a_loss_is_one_number_per_row() -> None:
    denoiser, batches = small()
    mean = lambda *arguments: (Loss("v")(*arguments)[0].mean(), torch.zeros(16))  # noqa: E731
    with pytest.raises(ValueError, match="one number per row"):
        next(fit(denoiser, batches, mean, TrainConfig(batch=16)))


@pytest.mark.parametrize("network", [UNet(patch=1, widths=(8, 16), blocks=(1, 1), heads=2, classes=3), MLP(classes=3)])
def test_a_batch_of_none_is_a_batch(network: torch.nn.Module) -> None:
    x = torch.empty(0, 1, 8, 8) if isinstance(network, UNet) else torch.empty(0, 2)
    denoiser = NetworkDenoiser(network, Process("cosine"))
    for condition in (None, torch.empty(0, dtype=torch.int64)):
        assert denoiser(x, 0.5, condition).x0.shape == x.shape
