"""The command line, run as its user runs it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.processes import zoo as run

from pedesis_zoo.cli import main


def test_list_and_card() -> None:
    command = [sys.executable, "-m", "pedesis_zoo", "list"]
    assert "digits" in subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout
    card = run("card", "digits")
    assert card.returncode == 0 and card.stdout.startswith("---\nlibrary_name: pedesis")


def test_sample_writes_the_same_bytes_twice(tmp_path: Path) -> None:
    arguments = ["sample", "digits", "--class", "7", "--guidance", "2", "--steps", "5", "-n", "4", "--enlarge", "2"]
    for name in ("a.png", "b.png"):
        done = run(*arguments, "--out", name, folder=tmp_path)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (2 * (2 * 8 + 3 * 2), 2 * (2 * 8 + 3 * 2)) and image.text["seed"] == "0"  # type: ignore[attr-defined]
        assert np.asarray(image).std() > 20


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sample", "digts"], "unknown model 'digts'; did you mean 'digits'?"),
        (["sample", "digits", "--class", "eleven"], "unknown class 'eleven'"),
        (["sample", "digits", "--sampler", "hein"], "did you mean 'heun'?"),
        (["sample", "digits", "--steps", "0"], "steps must lie between 1 and"),
        (["sample", "digits", "--guidance", "nan"], "guidance must be a finite number"),
        (["sample", "digits", "--out", "no/such/folder/a.png"], "does not exist; create it first"),
        (["sample", "absent.safetensors"], "no weight file"),
        (["card", "digts"], "did you mean 'digits'?"),
        (["train"], "name a recipe, or give --data FOLDER"),
        (["train", "digits", "--out", "no/such/model.safetensors"], "does not exist; create it first"),
        (["train", "--data", "absent"], "not a folder"),
        (["train", "digits", "--steps", "0"], "steps must be at least 1; got 0"),
        (["train", "digits", "--minutes", "0"], "minutes must be more than 0; got 0"),
        (["train", "digits", "--learning-rate", "-1"], "learning_rate must be more than 0"),
        (["train", "digits", "--seed", "-1"], "seed must be 0 or more; got -1"),
        (["train", "digits", "--out", "nosuffix"], "name the file nosuffix.safetensors, not nosuffix"),
        (["train", "digits", "--out", "my.pt"], "name the file my.safetensors, not my.pt"),
        (["train", "digits", "--out", "my.checkpoint.safetensors"], "name the weight file my.safetensors"),
        (["train", "digits", "--out", "n" * 238 + ".safetensors"], "File name too long"),
        (["train", "digits", "--out", "n" * 300 + ".safetensors"], "File name too long"),
        (["train", "digits", "--augment", "flop"], "did you mean 'flip'?"),
        (["train", "digits", "--validate", "1.5"], "the share to hold out must be between 0 and 1"),
        (["train", "heroes", "--validate", "0.1"], "endless"),
        (["train", "toy-moons", "--augment", "flip"], "is for pictures"),
        (["train", "digits", "--accumulate", "1000"], "accumulate must be from 1 to the batch"),
        (["train", "digits", "--start", "digits", "--origin", "three"], "--origin needs NEW=OLD"),
        (["train", "digits", "--start", "digits", "--origin", "1=eleven"], "unknown class 'eleven'"),
        (["train", "digits", "--start", "absent.pt"], "there is no weight file absent.pt"),
        (["data", "cifar"], "unknown data set 'cifar'"),
    ],
)
def test_mistakes_are_one_sentence_and_exit_code_2(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["pedesis_zoo", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    printed = capsys.readouterr().err
    assert stopped.value.code == 2
    assert message in printed and printed.count("\n") == 1
    assert not list(tmp_path.iterdir()), "nothing half-written is left behind"


@pytest.mark.parametrize("option", [["--threads", "-1"], ["--save-every", "-1"], ["--size", "7"]])
def test_options_out_of_range_are_refused(option: list[str], tmp_path: Path) -> None:
    done = run("train", "digits", *option, folder=tmp_path)
    assert done.returncode == 2 and "Invalid value" in done.stderr and "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_mistake_leaves_no_traceback(tmp_path: Path) -> None:
    done = run("sample", "digts", folder=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("error: unknown model") and "Traceback" not in done.stderr


def test_training_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    for steps in ("6", "12"):
        done = run("train", "digits", "--steps", steps, "--batch", "16", "--out", "m.safetensors", folder=tmp_path)
        assert done.returncode == 0, done.stderr
    straight = run("train", "digits", "--steps", "12", "--batch", "16", "--out", "s.safetensors", folder=tmp_path)
    assert straight.returncode == 0
    from pedesis_zoo.models.weights import load_weights

    _stopped, about = load_weights(tmp_path / "m.safetensors")
    assert about["training"]["steps"] == 12
    again = run("train", "digits", "--steps", "12", "--batch", "16", "--out", "s.safetensors", folder=tmp_path)
    assert again.returncode == 2 and "already trained" in again.stderr
    for use in (["sample"], ["train", "digits", "--out", "n.safetensors", "--start"]):
        refused = run(*use, "m.checkpoint.safetensors", folder=tmp_path)
        assert refused.returncode == 2 and "is a checkpoint, from which training goes on" in refused.stderr
        assert "m.safetensors" in refused.stderr and refused.stderr.count("\n") == 1
    assert run("sample", "m.safetensors", "-n", "1", folder=tmp_path).returncode == 0


def test_training_on_a_folder(tmp_path: Path) -> None:
    for label, color in (("red", (220, 40, 40)), ("blue", (40, 40, 220))):
        (tmp_path / "mine" / label).mkdir(parents=True)
        for i in range(3):
            Image.new("RGB", (20 + i, 20), color).save(tmp_path / "mine" / label / f"{i}.png")
    done = run(
        "train",
        "--data",
        "mine",
        "--size",
        "8",
        "--steps",
        "2",
        "--batch",
        "4",
        "--out",
        "my.safetensors",
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    done = run("sample", "my.safetensors", "--class", "blue", "-n", "2", "--steps", "2", folder=tmp_path)
    assert done.returncode == 0, done.stderr


def test_another_seed_is_another_run(tmp_path: Path) -> None:
    for name, *seed in (("a",), ("b", "--seed", "0"), ("c", "--seed", "1")):
        out = f"{name}.safetensors"
        done = run("train", "digits", "--steps", "1", "--batch", "8", *seed, "--out", out, folder=tmp_path)
        assert done.returncode == 0, done.stderr
    same, usual, other = ((tmp_path / f"{name}.safetensors").read_bytes() for name in "abc")
    assert same == usual != other


def test_a_new_run_may_begin_from_trained_weights(tmp_path: Path) -> None:
    from pedesis_zoo.models.registry import MODELS

    published = MODELS / "digits" / "weights.safetensors"
    shared = ["train", "digits", "--steps", "2", "--batch", "64", "--learning-rate", "1e-9", "--start", str(published)]
    assert run(*shared, "--out", "m.safetensors", folder=tmp_path).returncode == 0
    runs = [
        run("sample", name, "-n", "4", "--out", f"{i}.png", folder=tmp_path)
        for i, name in enumerate(["digits", "m.safetensors"])
    ]
    assert all(done.returncode == 0 for done in runs)
    pictures = [np.asarray(Image.open(tmp_path / f"{i}.png")).astype(int) for i in range(2)]
    assert np.abs(pictures[0] - pictures[1]).mean() < 2
    wrong = MODELS / "fashion-mnist" / "weights.safetensors"
    refused = run("train", "digits", "--steps", "2", "--start", str(wrong), "--out", "w.safetensors", folder=tmp_path)
    assert refused.returncode == 2 and "does not fit this recipe" in refused.stderr
