"""Training: the loss is the one that is written, runs are reproducible, resuming changes no bit."""

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset
from torchvision import transforms
from torchvision.datasets import ImageFolder

from pedesis.denoiser import NetworkDenoiser
from pedesis.losses import WEIGHTS, Loss
from pedesis.nn import MLP, UNet
from pedesis.parameterizations import PARAMETERIZATIONS
from pedesis.process import Process
from pedesis.theory.exact import Mixture, MixtureDenoiser
from pedesis.training import (
    ArrayBatches,
    DatasetBatches,
    Flipped,
    LoaderBatches,
    Shards,
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


class Exact(torch.nn.Module):
    """A perfect network for a mixture, answering in any parameterization."""

    def __init__(self, mixture: Mixture, process: Process, name: str):
        super().__init__()
        self.truth, self.name = MixtureDenoiser(mixture, process), name

    def forward(self, x: torch.Tensor, log_snr: torch.Tensor, condition: torch.Tensor | None) -> torch.Tensor:
        process = self.truth.process
        t = process.schedule.time(log_snr)
        alpha, sigma, _ = process.scales(t, x)
        x_t = x * (alpha**2 + sigma**2).sqrt()
        predicted = self.truth(x_t, t, condition)
        return PARAMETERIZATIONS.build({"name": self.name}).target(predicted.x0, predicted.eps, alpha, sigma)


@pytest.mark.row("O13")
@pytest.mark.parametrize("name", list(PARAMETERIZATIONS))
@pytest.mark.parametrize("weight", ["simple", "x0", "v", "min-snr"])
def test_the_loss_is_the_weighted_error_of_eps_in_every_parameterization(
    mixture: Mixture, name: str, weight: str
) -> None:
    process = Process("cosine")
    x0, _ = mixture.sample(256, gaussian_noise(0), torch.rand(256, generator=torch.Generator().manual_seed(0), dtype=D))
    denoiser = NetworkDenoiser(Exact(mixture, process, name), process, name)
    losses, t = Loss(weight)(denoiser, x0, None, TrainingNoise(3, 1, 256))

    noise = TrainingNoise(3, 1, 256)
    torch.testing.assert_close(noise.stratified(), t)
    eps = noise(x0)
    x_t = process.scales(t, x0)[0] * x0 + process.scales(t, x0)[1] * eps
    predicted = MixtureDenoiser(mixture, process)(x_t, t)
    snr = process.log_snr(t).exp()
    expected = {
        "simple": (eps - predicted.eps).square().mean(1),
        "x0": (x0 - predicted.x0).square().mean(1),
        "v": (process.scales(t, x0)[0] * eps - process.scales(t, x0)[1] * x0 - predicted.v).square().mean(1),
        "min-snr": (eps - predicted.eps).square().mean(1) * snr.clamp(max=5) / snr,
    }[weight]
    torch.testing.assert_close(losses, expected, rtol=1e-4, atol=1e-7)


def test_the_variational_weight_integrates_to_the_change_in_log_snr() -> None:
    """With eps_hat = 0 the loss is 1/2 |d log_snr/dt| E eps^2, whose mean over t in [a, 1] is half the drop."""
    process = Process("linear-log-snr")
    t = torch.linspace(0, 1, 1001, dtype=D)
    weight = WEIGHTS.build({"name": "variational"})(process, t, process.log_snr(t).exp())
    drop = process.log_snr(0.0) - process.log_snr(1.0)
    torch.testing.assert_close(torch.trapezoid(weight, t), drop / 2)


def test_times_are_spread_evenly_and_split_batches_draw_the_same() -> None:
    whole = TrainingNoise(5, 9, 64)
    t = whole.stratified()
    assert (t > 0).all() and (t <= 1).all()
    assert torch.allclose(t.sort().values.diff(), torch.tensor(1 / 64, dtype=D))
    like = torch.empty(64, 3)
    draws = [whole(like), whole.uniform(like)]
    for rows in (range(16), range(16, 64)):
        part = TrainingNoise(5, 9, 64, rows)
        assert torch.equal(part.stratified(), t[rows.start : rows.stop])
        for draw, mine in zip(
            draws, (part(like[rows.start : rows.stop]), part.uniform(like[rows.start : rows.stop])), strict=True
        ):
            assert torch.equal(mine, draw[rows.start : rows.stop])


@pytest.mark.row("O13")
def test_times_of_a_chain_are_its_steps_the_first_included(mixture: Mixture) -> None:
    process = Process("cosine")
    x0 = torch.linspace(-2, 2, 2000, dtype=D).reshape(1000, 2)
    denoiser = NetworkDenoiser(Exact(mixture, process, "eps"), process, "eps")
    losses, t = Loss("simple", steps=10)(denoiser, x0, None, TrainingNoise(3, 1, 1000))
    steps, counts = (t * 10).round().unique(return_counts=True)
    assert steps.tolist() == list(range(1, 11)) and counts.tolist() == [100] * 10
    torch.testing.assert_close(t * 10, (t * 10).round())
    assert losses.shape == t.shape
    with pytest.raises(ValueError, match="at least 1 step"):
        Loss(steps=0)


def test_condition_dropout_has_its_rate() -> None:
    seen: list[torch.Tensor] = []

    class Network(torch.nn.Module):
        def forward(self, x: torch.Tensor, log_snr: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
            seen.append(condition)
            return x

    denoiser = NetworkDenoiser(Network(), Process("cosine"))
    Loss("simple", 0.2)(denoiser, torch.zeros(5000, 1), torch.ones(5000, dtype=torch.int64), TrainingNoise(0, 0, 5000))
    assert abs((seen[0] < 0).double().mean().item() - 0.2) < 5 * (0.16 / 5000) ** 0.5


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


def test_batches_are_permutations_of_the_data() -> None:
    data = torch.arange(10.0)[:, None]
    batches = ArrayBatches(data, None, batch=4, seed=2)
    seen = torch.cat([batches(step, range(4))[0] for step in range(5)]).flatten()
    assert seen[:10].sort().values.tolist() == seen[10:].sort().values.tolist() == list(range(10))
    assert seen[:10].tolist() != seen[10:].tolist()
    assert torch.equal(batches(1, range(2, 4))[0], batches(1, range(4))[0][2:])


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


def pairs() -> DataLoader[Any]:
    data = torch.arange(20.0).reshape(10, 2) / 20
    return DataLoader(TensorDataset(data, torch.arange(10)), batch_size=3, shuffle=True)


@pytest.mark.parametrize("data", ["loader", "array"])
def test_any_module_is_stopped_and_resumed_in_the_same_bits(tmp_path: Path, data: str) -> None:
    """Dropout and the shuffling of a DataLoader included, though torch draws them from a generator of its own."""

    def trained(steps: int, stop: int | None = None, resume: Path | None = None, seed: int = 0) -> TrainState[Any]:
        torch.manual_seed(7)
        model = Forgetful()
        torch.manual_seed(seed)  # what a caller's other code leaves behind
        before = torch.random.get_rng_state()
        batches = pairs() if data == "loader" else ArrayBatches(torch.arange(20.0).reshape(10, 2) / 20, None, 4)
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
        fit(torch.nn.Linear(2, 2), pairs(), squared, TrainConfig(batch=4), path)


def test_a_loader_is_read_row_by_row_whatever_its_batch() -> None:
    whole, parts = LoaderBatches(pairs(), batch=4, seed=5), LoaderBatches(pairs(), batch=4, seed=5)
    seen = []
    for step in range(5):
        x0, label = whole(step, range(4))
        seen += label.tolist()  # type: ignore[union-attr]
        assert torch.equal(x0[:, 0] * 10, label)  # type: ignore[arg-type]
        for rows in (range(1), range(1, 4)):
            assert torch.equal(parts(step, rows)[0], x0[rows.start : rows.stop])
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(10)) and seen[:10] != seen[10:]
    late = LoaderBatches(pairs(), batch=4, seed=5)
    assert torch.equal(late(4, range(4))[0], x0)
    with pytest.raises(ValueError, match="floating"):
        LoaderBatches(DataLoader(torch.arange(8), batch_size=2), 2)(0, range(2))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no batch"):
        LoaderBatches(DataLoader(torch.empty(0, 2), batch_size=2), 2)(0, range(2))  # type: ignore[arg-type]


def test_mirroring_is_a_function_of_seed_step_and_row() -> None:
    pixels = torch.zeros(64, 2, 2, 1, dtype=torch.uint8)
    pixels[:, :, 0] = 255
    flipped = Flipped(ArrayBatches(pixels, None, 64), seed=1)
    x0 = flipped(3, range(64))[0]
    mirrored = x0[:, 0, 0, 0] < 0
    assert 16 <= mirrored.sum() <= 48 and not torch.equal(mirrored, flipped(4, range(64))[0][:, 0, 0, 0] < 0)
    assert torch.equal(torch.cat([flipped(3, range(5))[0], flipped(3, range(5, 64))[0]]), x0)
    with pytest.raises(ValueError, match="only pictures"):
        Flipped(ArrayBatches(torch.zeros(4, 2), None, 4))(0, range(4))


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


# -- data that do not fit in memory -----------------------------------------------------------------------


def test_shards_are_the_array_that_they_were_cut_from(tmp_path: Path) -> None:
    pixels = (torch.rand(23, 4, 4, 1, generator=torch.Generator().manual_seed(0)) * 256).to(torch.uint8)
    for name, part in zip("abcd", pixels.split([5, 1, 0, 17]), strict=True):
        np.save(tmp_path / f"{name}.npy", part.numpy())
    labels = torch.arange(23)
    whole, cut = ArrayBatches(pixels, labels, 8), ArrayBatches(Shards(tmp_path), labels, 8)
    for step in (0, 3, 1):  # over the end of an epoch, and back
        for rows in (range(8), range(3, 5)):
            for one, other in zip(whole(step, rows), cut(step, rows), strict=True):
                assert one is not None and other is not None and torch.equal(one, other)


def test_shards_that_are_no_array_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no .npy files"):
        Shards(tmp_path)
    np.save(tmp_path / "a.npy", np.zeros((2, 4), np.uint8))
    np.save(tmp_path / "b.npy", np.zeros((2, 5), np.uint8))
    with pytest.raises(ValueError, match=r"b.npy holds uint8 \(5,\), and .*a.npy uint8 \(4,\)"):
        Shards(tmp_path)
    (tmp_path / "b.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-1])
    with pytest.raises(ValueError, match="b.npy cannot be read"):
        Shards(tmp_path)
    np.save(tmp_path / "b.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(ValueError, match="b.npy cannot be read"):
        Shards(tmp_path)


def test_a_folder_of_pictures_is_read_row_by_row(tmp_path: Path) -> None:
    """Also with random transformations, each row is a function of (seed, step, row), whoever asks for it."""
    for kind in ("ant", "bee"):
        (tmp_path / kind).mkdir()
        for i in range(5):
            Image.new("L", (6, 6), 20 * i + len(kind)).save(tmp_path / kind / f"{i}.png")
    change = transforms.Compose([transforms.Grayscale(), transforms.RandomCrop(4), transforms.ToTensor(), noisy])
    folder = ImageFolder(str(tmp_path), change)
    read: list[int] = []

    class Watched(torch.utils.data.Dataset[Any]):
        def __len__(self) -> int:
            return len(folder)

        def __getitem__(self, index: int) -> Any:
            read.append(index)
            return folder[index]

    batches = DatasetBatches(Watched(), batch=4, seed=3)
    assert not read
    x0, labels = batches(2, range(4))
    assert x0.shape == (4, 1, 4, 4) and labels is not None and len(read) == 4
    some, their = batches(2, range(1, 3))
    assert len(read) == 6 and their is not None
    assert torch.equal(some, x0[1:3]) and torch.equal(their, labels[1:3])
    assert torch.equal(labels, torch.tensor([folder.targets[i] for i in read[:4]]))
    with pytest.raises(ValueError, match="these batches have 4 rows"):
        batches(0, range(3, 5))


def noisy(x: torch.Tensor) -> torch.Tensor:
    return x + torch.rand(())
