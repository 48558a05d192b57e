"""Training: nothing that was learned is lost, and a run goes on only as the same run."""

import math
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import pedesis_zoo as zoo
from pedesis.denoiser import NetworkDenoiser
from pedesis.losses import Loss
from pedesis.nn import MLP, NETWORKS
from pedesis.parameterizations import Velocity
from pedesis.process import Process
from pedesis.schedules import Cosine, Schedule
from pedesis.training import ArrayBatches, TrainConfig, TrainState, fit
from pedesis_zoo.data.digests import held_out, sketch
from pedesis_zoo.data.sets import ImageSet
from pedesis_zoo.models.recipe import Recipe
from pedesis_zoo.models.weights import check_saveable, load_weights, save_weights
from pedesis_zoo.training.own_data import own_data, own_recipe, root_mean_square
from pedesis_zoo.training.run import Plan, checkpoint_path, plan, train

SMALL = {"name": "unet", "patch": 1, "widths": [8, 8], "blocks": [1, 1], "heads": 2, "embedding": 16, "detail": 4}
PROCESS = {"schedule": {"name": "cosine"}, "frame": {"name": "vp"}}
NAMES = ("ant", "bee")


def pictures(count: int = 40, seed: int = 0) -> ImageSet:
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (count, 8, 8, 1), dtype=np.uint8)
    return ImageSet("noise", pixels, np.arange(count) % 2, NAMES, "none")


def small(data: ImageSet | None = None, **changes: Any) -> Plan:
    recipe = Recipe(
        "small", "image", "noise", SMALL, "", PROCESS, data_std=0.6, loss={"weight": "v", "condition_dropout": 0.1}
    )
    return plan(recipe, data or pictures(), **{"batch": 8, "steps": 6, "warmup": 2, **changes})


def ending(how: BaseException | int) -> Callable[[TrainState[Any]], None]:
    """A report that ends the run in its third step: by an error, or by a signal."""

    def report(state: TrainState[Any]) -> None:
        if state.step == 3:
            if isinstance(how, int):
                signal.raise_signal(how)
            else:
                raise how

    return report


def same_files(a: Path, b: Path) -> bool:
    """Whether two runs ended in the same bits, of the weights and of what a resumed run needs."""
    pairs = [(load_file(a), load_file(b)), (load_file(checkpoint_path(a)), load_file(checkpoint_path(b)))]
    return all(x.keys() == y.keys() and all(torch.equal(x[key], y[key]) for key in x) for x, y in pairs)


def heeded() -> None:
    """Signals as in a terminal: what runs in the background of a script is told to ignore them."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.mark.parametrize(
    ("how", "raised"),
    [
        (signal.SIGINT, KeyboardInterrupt),
        (signal.SIGTERM, SystemExit),
        (signal.SIGHUP, SystemExit),
        (RuntimeError("a report"), RuntimeError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (MemoryError(), MemoryError),
    ],
)
def test_whatever_ends_a_run_what_was_learned_is_written(
    how: BaseException | int, raised: type[BaseException], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heeded()
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    with pytest.raises(raised):
        train(small(), tmp_path / "a.safetensors", ending(how))
    assert before == [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    assert "stopped after step 3: the trained weights are in" in capsys.readouterr().err
    assert load_weights(tmp_path / "a.safetensors")[1]["training"]["steps"] == 3
    train(small(), tmp_path / "a.safetensors")
    train(small(), tmp_path / "b.safetensors")
    assert same_files(tmp_path / "a.safetensors", tmp_path / "b.safetensors")


@pytest.mark.parametrize("where", ["data", "loss"])
def test_a_failing_loss_or_source_of_data_loses_nothing(where: str, tmp_path: Path) -> None:
    class Failing(ImageSet):
        def batches(self, batch: int, seed: int, device: str) -> Any:
            source = super().batches(batch, seed, device)

            def draw(step: int, rows: range) -> tuple[torch.Tensor, Any]:
                if step == 3 and where == "data":
                    raise OSError("the disk went away")
                x0, labels = source(step, rows)
                return (x0[:, :, :4] if step == 3 else x0), labels  # of another size: the loss is another shape's

            return draw

    data = pictures()
    broken = Failing(data.name, data.pixels, data.labels, data.classes, data.license)
    chosen = replace(
        small(),
        data=broken,
        recipe=replace(small().recipe, network={**SMALL, "widths": [8, 8, 8, 8], "blocks": [1] * 4}),
    )
    with pytest.raises((OSError, ValueError)):
        train(chosen, tmp_path / "a.safetensors")
    assert load_weights(tmp_path / "a.safetensors")[1]["training"]["steps"] == 3
    assert checkpoint_path(tmp_path / "a.safetensors").is_file()


def infinite(at: int) -> ImageSet:
    class Infinite(ImageSet):
        def batches(self, batch: int, seed: int, device: str) -> Any:
            source = super().batches(batch, seed, device)
            return lambda step, rows: (source(step, rows)[0] / (0 if step == at else 1), source(step, rows)[1])

    data = pictures()
    return Infinite(data.name, data.pixels, data.labels, data.classes, data.license)


def test_a_loss_that_is_not_finite_spoils_no_file(tmp_path: Path) -> None:
    out = tmp_path / "a.safetensors"
    with pytest.raises(FloatingPointError, match="at step 3"):
        train(small(infinite(3)), out)
    module, about = load_weights(out)
    assert about["training"]["steps"] == 3 and all(p.isfinite().all() for p in module.parameters())
    kept = [path.read_bytes() for path in (out, checkpoint_path(out))]
    with pytest.raises(FloatingPointError, match="at step 5"):
        train(small(infinite(5)), out)
    assert kept == [path.read_bytes() for path in (out, checkpoint_path(out))]


def test_a_full_disk_keeps_the_weights(tmp_path: Path) -> None:
    """Room for the weights (1.7 MB) and not for the checkpoint: one sentence, and no half file."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, 4_000_000))  # noqa: E731
    command = [sys.executable, "-m", "pedesis_zoo", "train", "digits", "--steps", "3", "--batch", "8", "--out"]
    done = subprocess.run([*command, "m.safetensors"], cwd=tmp_path, preexec_fn=limit, capture_output=True, text=True)
    assert done.returncode == 2 and "Traceback" not in done.stderr and done.stderr.count("error: ") == 1
    assert (
        "the trained weights are in m.safetensors; cannot write m.checkpoint.safetensors: File too large" in done.stderr
    )
    assert [path.name for path in tmp_path.iterdir()] == ["m.safetensors"]
    assert load_weights(tmp_path / "m.safetensors")[1]["training"]["steps"] == 3


def test_ctrl_c_on_the_command_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pedesis_zoo", "train", "digits", "--batch", "8", "--save-every", "0"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, preexec_fn=heeded)
    while not (tmp_path / "model.checkpoint.safetensors").is_file():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    message = process.communicate(timeout=120)[1]
    assert (
        process.returncode == 130 and "Traceback" not in message and "the trained weights are in model.saf" in message
    )
    assert zoo.load(tmp_path / "model.safetensors").about["training"]["steps"] >= 1


# -- what a checkpoint knows ------------------------------------------------------------------------------


def folder(path: Path, seeds: dict[str, range], size: int = 8) -> Path:
    for name, each in seeds.items():
        (path / name).mkdir(parents=True, exist_ok=True)
        for seed in each:
            pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(path / name / f"{seed}.png")
    return path


def trained_on(path: Path, out: Path, steps: int, size: int = 8, **changes: Any) -> NetworkDenoiser:
    data = own_data(path, size=size)
    recipe = replace(own_recipe(data), network={**SMALL, **data.network})
    return zoo.load(train(plan(recipe, data, batch=4, steps=steps, **changes), out)).denoiser


def test_a_run_goes_on_with_more_pictures_and_the_deviation_it_began_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = folder(tmp_path / "mine", {"a": range(6), "b": range(10, 16)}), tmp_path / "m.safetensors"
    began = trained_on(path, out, 2).data_std
    for i in range(3):
        Image.new("RGB", (8, 8), "black").save(path / "a" / f"black{i}.png")
    assert root_mean_square(own_data(path, size=8)) > began + 0.01
    assert trained_on(path, out, 4).data_std == began
    assert f"data_std stays {began}" in capsys.readouterr().err
    path.rename(tmp_path / "ours")
    trained_on(tmp_path / "ours", out, 6)


def test_a_run_goes_on_with_the_optimizer_it_began_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, straight = tmp_path / "m.safetensors", tmp_path / "straight.safetensors"
    train(small(steps=6, optimizer="muon"), straight)
    with pytest.raises(RuntimeError):
        train(small(steps=6, optimizer="muon"), path, ending(RuntimeError()))
    train(small(steps=6), path)
    assert "the optimizer stays muon, with which this run began; asked for: adamw" in capsys.readouterr().err
    assert same_files(path, straight)


def test_new_networks_of_pictures_learn_by_muon_and_trained_ones_as_they_did() -> None:
    assert own_recipe(pictures()).training["optimizer"] == "muon"
    assert "optimizer" not in own_recipe(pictures(), "fashion-mnist").training
    assert "optimizer" not in own_recipe(own_data(np.zeros((8, 2)))).training


def swapped(path: Path) -> Path:
    (path / "a").rename(path / "c")
    (path / "b").rename(path / "a")
    return (path / "c").rename(path / "b").parent


def renamed(path: Path) -> Path:
    return (path / "a").rename(path / "z").parent


def replaced(path: Path) -> Path:
    shutil.rmtree(path)
    return folder(path.with_name("others"), {"a": range(50, 56), "b": range(60, 66)})


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        (swapped, {}, "the pictures of class 'a' are now those of 'b'"),
        (renamed, {}, r"classes: \['a', 'b'\] then, \['b', 'z'\] now"),
        (replaced, {}, "data: 'mine' then, 'others' now"),
        (None, {"size": 16}, r"shape of the data: \[3, 8, 8\] then, \[3, 16, 16\] now"),
        (None, {"augment": "flip"}, "augment: None then, 'flip' now"),
        (None, {"validate": 0.3}, r"validate: 0\.0 then, 0\.3 now"),
        (None, {"seed": 1}, "seed: 0 then, 1 now"),
    ],
)
def test_a_checkpoint_of_other_data_is_refused(
    change: Callable[[Path], Path] | None, settings: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path, out = folder(tmp_path / "mine", {"a": range(6), "b": range(10, 16)}), tmp_path / "m.safetensors"
    trained_on(path, out, 2)
    kept = out.read_bytes()
    with pytest.raises(ValueError, match=message):
        trained_on(change(path) if change else path, out, 4, **settings)
    assert out.read_bytes() == kept


def test_held_out_pictures_stay_held_out_when_others_come() -> None:
    few, many = pictures(60), pictures(60)
    more = pictures(30, seed=1)
    many = replace(
        many, pixels=np.concatenate([more.pixels, few.pixels]), labels=np.concatenate([more.labels, few.labels])
    )
    out = [{row.tobytes() for row in held_out(data, 0.3)[1].pixels} for data in (few, many)]  # type: ignore[union-attr]
    assert out[0] and out[0] == out[1] & {row.tobytes() for row in few.pixels}
    kept, held = held_out(few, 0.3)
    assert len(kept.labels) + len(held.labels) == 60
    assert sketch(few) == sketch(replace(few, pixels=few.pixels[::-1], labels=few.labels[::-1]))


def test_the_loss_on_held_out_pictures_is_measured(tmp_path: Path) -> None:
    chosen = small(validate=0.25)
    about = load_weights(train(chosen, tmp_path / "a.safetensors"))[1]
    assert chosen.held is not None and 0 < len(chosen.held.labels) < 40
    assert math.isfinite(about["training"]["validation loss"])


# -- what can be saved ------------------------------------------------------------------------------------

ABOUT = {
    "kind": "image",
    "data": {"name": "none", "shape": [1, 8, 8], "classes": [], "license": "none"},
    "generation": {},
}


class Unregistered(Cosine):
    name = ""


class Inherited(Cosine):
    """Has the name of another class."""


class Steep(Schedule):
    """Forgets its argument."""

    def __init__(self, last: float = -10.0):
        super().__init__()
        self.last = last

    def log_snr(self, t: torch.Tensor) -> torch.Tensor:
        return 10 + (self.last - 10) * t


class Doubled(Velocity):
    """Has the name of its parent, and means something else."""

    def x0(self, output: Any, x_t: Any, alpha: Any, sigma: Any) -> Any:
        return super().x0(2 * output, x_t, alpha, sigma)


class NoSpec(torch.nn.Conv2d):
    def forward(self, x: torch.Tensor, log_snr: torch.Tensor, condition: Any = None) -> torch.Tensor:
        return super().forward(x)


def network() -> torch.nn.Module:
    return NETWORKS.build(SMALL)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NetworkDenoiser(network(), Process(Unregistered())), "Unregistered has no name"),
        (lambda: NetworkDenoiser(network(), Process(Inherited())), "schedule was Inherited and is Cosine"),
        (lambda: NetworkDenoiser(network(), Process(Steep(-11.0))), r"log_snr\(0\.1\): .* then, .* now"),
        (lambda: NetworkDenoiser(network(), Process(), Doubled()), "parameterization was Doubled and is Velocity"),
        (lambda: NetworkDenoiser(NoSpec(1, 1, 3, padding=1), Process()), "no attribute 'spec'"),
    ],
)
def test_what_would_not_come_back_as_it_is_is_not_written(
    make: Callable[[], NetworkDenoiser], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pedesis.schedules import SCHEDULES

    monkeypatch.setattr(SCHEDULES, "_classes", {**SCHEDULES._classes, "steep": Steep})
    monkeypatch.setattr(Steep, "name", "steep")
    path = tmp_path / "a.safetensors"
    with pytest.raises(ValueError, match=message):
        save_weights(path, make(), ABOUT)
    assert not list(tmp_path.iterdir())
    batches = ArrayBatches(torch.zeros(8, 8, 8, 1, dtype=torch.uint8), None, 4)
    next(fit(make(), batches, Loss("v"), TrainConfig(batch=4))).save(path)  # a checkpoint needs no description
    next(fit(make(), batches, Loss("v"), TrainConfig(batch=4), path))


def test_a_faithful_schedule_may_be_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    from pedesis.schedules import SCHEDULES

    monkeypatch.setattr(SCHEDULES, "_classes", {**SCHEDULES._classes, "steep": Steep})
    monkeypatch.setattr(Steep, "name", "steep")
    monkeypatch.setattr(Steep, "config", lambda self: {"last": self.last})
    check_saveable("image", NetworkDenoiser(network(), Process(Steep(-11.0))))


def test_weights_keep_their_range_and_are_finite(tmp_path: Path) -> None:
    model, path = NetworkDenoiser(network(), Process()), tmp_path / "a.safetensors"
    with torch.no_grad():
        model.network.out.bias.fill_(1e5)  # type: ignore[union-attr, operator]
    save_weights(path, model, ABOUT)
    assert float(load_weights(path)[0].network.out.bias[0]) == 1e5  # type: ignore[union-attr, index, arg-type]
    kept = path.read_bytes()
    with torch.no_grad():
        model.network.out.bias.fill_(math.nan)  # type: ignore[union-attr, operator]
    with pytest.raises(ValueError, match="not finite"):
        save_weights(path, model, ABOUT)
    with pytest.raises(ValueError, match="data is missing"):
        save_weights(path, model, {"kind": "image", "generation": {}})
    assert path.read_bytes() == kept


# -- beginning from a trained model, and one's own data ---------------------------------------------------


@pytest.fixture(scope="module")
def insects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(small(steps=2), tmp_path_factory.mktemp("insects") / "insects.safetensors")


def table(model: torch.nn.Module) -> torch.Tensor:
    return model.state_dict()["network.label.table.weight"]


def test_fine_tuning_to_other_classes_keeps_the_null_row(insects: Path) -> None:
    model = zoo.load(insects)
    old = table(model.denoiser)
    new = table(zoo.trainable(model, {"wasp": "bee", "ant": "ant", "fly": None}))
    assert len(new) == 4 and torch.equal(new[[0, 1, 3]], old[[1, 0, 2]])
    assert not any(torch.equal(new[2], row) for row in old)
    by_name = table(zoo.trainable(insects, ["fly", "bee"]))
    assert torch.equal(by_name[1:], old[1:]) and not torch.equal(by_name[0], old[0])
    x = torch.randn(2, 1, 8, 8)
    assert torch.equal(zoo.trainable(model, ["fly"]).eval().x0(x, 0.5), model.denoiser.x0(x, 0.5))
    with pytest.raises(ValueError, match="unknown class 'be'; did you mean 'bee'"):
        zoo.trainable(model, {"wasp": "be"})


def test_a_loaded_model_can_be_trained_and_saved(insects: Path, tmp_path: Path) -> None:
    model = zoo.load(insects)
    data = pictures()
    batches = ArrayBatches(data.pixels, torch.as_tensor(data.labels), 8)
    with pytest.raises(ValueError, match=r"pedesis_zoo\.trainable"):
        fit(model.denoiser, batches, Loss("v"), TrainConfig(batch=8))
    denoiser = zoo.trainable(model, ["x", "y"])
    for state in fit(denoiser, batches, Loss("v"), TrainConfig(batch=8, steps=2)):
        pass
    replace(model, denoiser=state.ema_model(), classes=("x", "y")).save(tmp_path / "b.safetensors")
    again = zoo.load(tmp_path / "b.safetensors")
    assert again.classes == ("x", "y") and again.sample("y", [1], steps=2).shape == (1, 8, 8, 1)
    with pytest.raises(ValueError, match="name the file"):
        model.save(tmp_path / "b.pt")


def test_from_classes_to_none_and_back_the_model_is_the_same(insects: Path) -> None:
    data, x = pictures(), torch.randn(2, 1, 8, 8)
    known = zoo.load(insects).denoiser.x0(x, 0.5)
    none = zoo.train(data.pixels, start=insects, steps=1, batch=8, learning_rate=1e-12)
    assert none.classes == () and torch.allclose(none.denoiser.x0(x, 0.5), known, atol=0.02)


def test_one_call_trains_arrays_folders_and_points(tmp_path: Path) -> None:
    data = pictures()
    out = tmp_path / "m.safetensors"
    settings: dict[str, Any] = {"labels": data.labels, "classes": NAMES, "batch": 8, "start": "digits"}
    model = zoo.train(data.pixels, out, steps=2, augment="flip", accumulate=2, **settings)
    assert model.classes == NAMES and model.shape == (1, 8, 8)
    assert zoo.train(data.pixels, out, steps=3, augment="flip", **settings).about["training"]["steps"] == 3
    path = folder(tmp_path / "mine", {"a": range(3), "b": range(10, 13)}, size=16)
    assert zoo.train(path, size=16, steps=1, batch=2).shape == (3, 16, 16)
    assert zoo.train(np.random.default_rng(0).normal(size=(50, 2)), steps=2, batch=8).sample(3).shape == (3, 2)
    with pytest.raises(ValueError, match="say how long"):
        zoo.train(data.pixels)
    with pytest.raises(ValueError, match="uint8 pictures"):
        zoo.train(data.pixels.astype(np.float32), steps=1)
    with pytest.raises(ValueError, match="labels must be whole numbers"):
        zoo.train(data.pixels, labels=data.labels[:3], steps=1)
    with pytest.raises(ValueError, match="cannot begin a model"):
        zoo.train(data.pixels, start="toy-moons", steps=1)


def test_loading_and_training_leave_the_random_numbers_alone(insects: Path, tmp_path: Path) -> None:
    before = torch.random.get_rng_state()
    zoo.load(insects)
    zoo.load_points("toy-moons")
    train(small(), tmp_path / "a.safetensors")
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_deviation_of_pictures_is_that_of_their_numbers() -> None:
    data = pictures(100)
    expected = np.sqrt(((data.pixels.astype(np.float64) / 127.5 - 1) ** 2).mean())
    assert root_mean_square(data) == pytest.approx(expected, rel=1e-12)
    assert own_recipe(data).data_std == round(expected, 3)


def test_a_checkpoint_in_place_of_weights_says_what_it_is(insects: Path) -> None:
    for path in (checkpoint_path(insects), str(checkpoint_path(insects))):
        with pytest.raises(ValueError, match=r"is a checkpoint, .* insects\.safetensors"):
            zoo.load(path)


def test_files_without_a_suffix_and_of_another_kind(insects: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(insects.parent)
    shutil.copy(insects, "nosuffix")
    assert zoo.load("nosuffix").classes == NAMES
    torch.save({"a": torch.zeros(2)}, "my.pt")
    with pytest.raises(ValueError, match=r"my\.pt is not a safetensors file"):
        zoo.load("my.pt")


def test_a_network_of_points_is_saveable() -> None:
    check_saveable("points", NetworkDenoiser(MLP(), Process()))
