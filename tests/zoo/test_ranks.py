"""Several processes draw the pictures of one, measure the same, and lose nothing when one of them is killed."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from tests.processes import Done, command_line, zoo
from tests.ranks import call, finish, start
from tests.zoo_runs import run

from pedesis.training import check_whole, read_header
from pedesis.utils.files import only_writer
from pedesis_zoo.models.weights import load_weights
from pedesis_zoo.training.keeping import checkpoint_path, previous_path

ALONE = {"OMP_NUM_THREADS": "1", "PEDESIS_PRECISION": "float32"}


def check_measured_alike(folder: Path, count: int, few: int, worlds: tuple[int, ...]) -> None:
    found = {}
    for world in (1, *worlds):
        file = folder / f"{world}.safetensors"
        call(world, "tests.zoo_runs:measure", str(file), count, few, folder=folder, seconds=3600)
        found[world] = load_file(file)
    for world in worlds:
        for name, value in found[1].items():
            torch.testing.assert_close(found[world][name], value, rtol=0, atol=1e-6 if name == "numbers" else 0)
    assert found[1]["pixels"].shape == (count, 8, 8, 1)


def test_pictures_and_measurements_are_those_of_one_process(tmp_path: Path) -> None:
    check_measured_alike(tmp_path, 41, 10, (3,))


@pytest.mark.soak
def test_1001_pictures_and_measurements_are_those_of_one_process(tmp_path: Path) -> None:
    check_measured_alike(tmp_path, 1001, 130, (2, 3))


def launched(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command line in two processes of torchrun."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, **ALONE}
    command = [*launcher, "-m", "pedesis_zoo", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def alone(folder: Path, *words: str) -> Done:
    """The same in one process."""
    return zoo(*words, folder=folder, environment={**os.environ, **ALONE})


def test_the_command_line_under_torchrun(tmp_path: Path) -> None:
    for how in (alone, launched):
        drawn = how(tmp_path, "sample", "digits", "-n", "40", "--steps", "2", "--out", f"{how.__name__}.png")
        assert drawn.returncode == 0 and drawn.stdout == f"40 pictures in {how.__name__}.png\n", drawn.stderr
    assert np.array_equal(*(np.asarray(Image.open(tmp_path / f"{how}.png")) for how in ("alone", "launched")))


@pytest.mark.soak
def test_training_under_torchrun(tmp_path: Path) -> None:
    """Forked ranks train in `test_distributed` and below; this is the command that people type."""
    trained = launched(tmp_path, "train", "digits", "--batch", "5", "--steps", "3", "--out", "m.safetensors")
    assert trained.returncode == 0 and trained.stdout.endswith("trained weights in m.safetensors\n"), trained.stderr
    assert load_weights(tmp_path / "m.safetensors")[1]["training"]["steps"] == 3
    assert sorted(path.name for path in tmp_path.glob("m.*")) == ["m.checkpoint.safetensors", "m.safetensors"]


@pytest.mark.soak
def test_a_measurement_and_a_mistake_under_torchrun(tmp_path: Path) -> None:
    """In ranks that tests have forked, `measure` and the mistakes below say the same."""
    measured = launched(tmp_path, "evaluate", "digits", "-n", "50", "--steps", "1")
    assert measured.returncode == 0 and measured.stdout.count("class accuracy") == 1, measured.stderr
    mistaken = launched(tmp_path, "sample", "digit")
    assert mistaken.returncode == 1 and mistaken.stderr.count("error: ") == 1, mistaken.stderr
    assert "error: unknown model" in mistaken.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["sample", "digit"], "error: unknown model"),
        (["train", "digits", "--steps", "3", "--out", "absent/m.safetensors"], "error: cannot write absent/m"),
        (["train", "digits", "--steps", "3", "--out", "/proc/m.safetensors"], "error: cannot write /proc/m"),
    ],
)
def test_a_mistake_is_one_sentence_however_many_make_it(words: list[str], sentence: str, tmp_path: Path) -> None:
    ranks = start(3, command_line(*words), tmp_path)
    printed = "".join(finish(ranks))
    assert [one.returncode for one in ranks] == [2, 2, 2]
    assert printed.count("error: ") == 1 and sentence in printed, printed


# -- what ends a run --------------------------------------------------------------------------------------


def killed(folder: Path, world: int, source: random.Random) -> str:
    """Start the run, or go on with it, and kill one rank at a random moment; what the others said."""
    out = folder / "m.safetensors"
    before = step_of(out)
    out.with_suffix(".step").unlink(missing_ok=True)
    program = f"from tests.zoo_runs import run; run({str(out)!r}, 100000, 0.05)"
    processes = start(world, program, folder)
    while not out.with_suffix(".step").is_file():
        assert all(process.returncode is None for process in processes), finish(processes)
        time.sleep(0.01)
    time.sleep(source.random())
    kept, victim = reached(out), source.randrange(world)
    processes[victim].signal(signal.SIGKILL)
    printed = finish(processes, seconds=100)
    assert [process.returncode for process in processes] == [-9 if k == victim else 2 for k in range(world)], printed
    others = [words for k, words in enumerate(printed) if k != victim]
    assert all("Traceback" not in words for words in others), others
    assert sum(words.count("another process of this run ended") for words in others) >= 1
    assert step_of(out) >= max(before, kept)
    if victim != 0:  # the first rank keeps all steps that it has done
        assert step_of(out) >= int(out.with_suffix(".step").read_text())
    return "".join(others)


def reached(out: Path) -> int:
    """Where a run that is writing would go on; its newest checkpoint may be moved while it is read."""
    while True:
        try:
            return step_of(out)
        except (ValueError, OSError, RuntimeError):  # the last is how safetensors says that a file is gone
            time.sleep(0.05)


def step_of(out: Path) -> int:
    """Where the run would go on; every file that is there can be read."""
    steps = [0]
    for path in (checkpoint_path(out), previous_path(checkpoint_path(out))):
        if path.is_file():
            check_whole(path)
            steps.append(read_header(path)["step"])
    if out.is_file():
        load_weights(out)
    return max(steps)


def check_killed(folder: Path, times: int) -> None:
    source = random.Random(times)
    for _ in range(times):
        killed(folder, source.choice((2, 3)), source)
    out = folder / "m.safetensors"
    end = step_of(out) + 3
    call(2, "tests.zoo_runs:run", str(out), end, 60.0, folder=folder)
    assert step_of(out) == end and not list(folder.glob(".*"))


def test_a_killed_rank_loses_nothing_that_was_kept(tmp_path: Path) -> None:
    check_killed(tmp_path, 3)


@pytest.mark.soak
def test_50_killed_ranks_lose_nothing_that_was_kept(tmp_path: Path) -> None:
    check_killed(tmp_path, 50)


def test_a_signal_to_one_rank_ends_all_after_the_same_step(tmp_path: Path) -> None:
    out = tmp_path / "m.safetensors"
    processes = start(2, f"from tests.zoo_runs import run; run({str(out)!r}, 100000, 60)", tmp_path)
    while not out.with_suffix(".step").is_file():
        assert all(process.returncode is None for process in processes), finish(processes)
        time.sleep(0.01)
    processes[1].signal(signal.SIGTERM)
    printed = finish(processes, seconds=100)
    assert [process.returncode for process in processes] == [0, 128 + signal.SIGTERM], printed
    assert "Traceback" not in "".join(printed)
    assert step_of(out) == int(out.with_suffix(".step").read_text()) > 0


def test_two_runs_do_not_write_the_same_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "m.safetensors"
    with only_writer(out, checkpoint_path(out)), pytest.raises(SystemExit):
        run(str(out), 3, 60)
    assert "another run is writing" in capsys.readouterr().err and not out.exists()
    run(str(out), 3, 60)
    assert step_of(out) == 3


@pytest.mark.parametrize("how", ["cut", "altered", "missing"])
def test_a_damaged_checkpoint_falls_back_on_the_one_before(
    how: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, whole = tmp_path / "m.safetensors", tmp_path / "whole.safetensors"
    run(str(out), 6, 0)
    run(str(whole), 9, 60)
    newest = checkpoint_path(out)
    damage(newest, how)
    capsys.readouterr()
    run(str(out), 9, 60)
    printed = capsys.readouterr().err
    assert re.search(
        r"going on from the checkpoint before it, .*\.previous\.checkpoint\.safetensors, of step \d", printed
    )
    assert how == "missing" or str(newest) in printed
    one, other = load_file(checkpoint_path(whole)), load_file(newest)
    assert all(torch.equal(value, other[name]) for name, value in one.items())
    check_whole(previous_path(newest))  # the damaged one has not pushed out the good one before it


def test_two_damaged_checkpoints_are_refused_before_anything_is_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "m.safetensors"
    run(str(out), 6, 0)
    for path in (checkpoint_path(out), previous_path(checkpoint_path(out))):
        damage(path, "altered")
    kept = out.read_bytes()
    with pytest.raises(SystemExit):
        run(str(out), 9, 60)
    printed = capsys.readouterr().err
    assert printed.count("altered or damaged") == 2 and "to begin anew" in printed and out.read_bytes() == kept


def ran(folder: Path, program: str, world: int = 2) -> tuple[list[int], str]:
    """How the ranks of a run ended, and all that they said."""
    processes = start(world, f"from tests.zoo_runs import run; {program}", folder)
    printed = "".join(finish(processes, seconds=100))
    assert "Traceback" not in printed, printed
    return [process.returncode for process in processes], printed


def test_a_full_disk_keeps_the_weights_of_several_ranks(tmp_path: Path) -> None:
    """A file may have 40 kB here: room for the weights, not for the checkpoint, four times as large."""
    out = tmp_path / "m.safetensors"
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))"
    codes, printed = ran(tmp_path, f"{limit}; run({str(out)!r}, 5, 0)")
    assert codes == [2, 0] and printed.count("error: ") == 1, printed
    assert re.search(rf"step 1: cannot write {checkpoint_path(out)}: File too large.*; training goes on", printed)
    assert f"error: stopped after step 5: the trained weights are in {out}; cannot write" in printed
    assert load_weights(out)[1]["training"]["steps"] == 5 and not checkpoint_path(out).exists()
    assert not list(tmp_path.glob(".*"))


def test_several_ranks_do_not_write_the_files_of_another_run(tmp_path: Path) -> None:
    out = tmp_path / "m.safetensors"
    with only_writer(out, checkpoint_path(out)):
        codes, printed = ran(tmp_path, f"run({str(out)!r}, 3, 60)")
    assert codes == [2, 2] and printed.count("another run is writing") == 1 and not out.exists()


def test_several_ranks_fall_back_on_the_checkpoint_before_a_damaged_one(tmp_path: Path) -> None:
    out = tmp_path / "m.safetensors"
    assert ran(tmp_path, f"run({str(out)!r}, 6, 0)")[0] == [0, 0]
    damage(checkpoint_path(out), "altered")
    codes, printed = ran(tmp_path, f"run({str(out)!r}, 9, 60)")
    assert codes == [0, 0] and printed.count("going on from the checkpoint before it") == 1, printed
    check_whole(checkpoint_path(out))
    assert read_header(checkpoint_path(out))["step"] == 9


def damage(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "missing":
        path.unlink()
    elif how == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        content[-3] ^= 1
        path.write_bytes(content)
