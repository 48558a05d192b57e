"""Several processes are one: the same losses, weights and averages, whatever their number."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from tests.ranks import call
from tests.runs import RUNS

from pedesis.utils.distributed import divided, share
from pedesis.utils.files import only_writer
from pedesis.utils.launch import Place, place, ranks


def trained(folder: Path, name: str, world: int, steps: int, accumulate: int = 1) -> Path:
    out = folder / name
    out.mkdir()
    call(world, "tests.runs:train", str(out), steps, accumulate, folder=folder)
    return out


def check_alike(one: Path, other: Path) -> None:
    for name in RUNS:
        files = [folder / f"{name}.safetensors" for folder in (one, other)]
        losses = [json.loads(safe_open(file, "pt").metadata()["losses"]) for file in files]
        assert losses[0] == pytest.approx(losses[1], abs=1e-5), name
        check_weights(*files)


def check_weights(one: Path, other: Path) -> None:
    weights, others = load_file(one), load_file(other)
    for key, value in weights.items():
        torch.testing.assert_close(value, others[key], rtol=0, atol=1e-5, msg=key)


def test_any_number_of_ranks_trains_the_same_model(tmp_path: Path) -> None:
    """With condition dropout, learned variance, text and distillation; 7 rows are no multiple of 2 or 3."""
    one = trained(tmp_path, "one", 1, 20)
    check_alike(one, trained(tmp_path, "accumulated", 1, 20, accumulate=2))
    check_alike(one, trained(tmp_path, "three", 3, 20))


@pytest.mark.soak
def test_any_number_of_ranks_trains_the_same_model_for_200_steps(tmp_path: Path) -> None:
    one = trained(tmp_path, "one", 1, 200)
    check_alike(one, trained(tmp_path, "accumulated", 1, 200, accumulate=2))
    for world in (2, 3):
        check_alike(one, trained(tmp_path, f"{world}", world, 200))


def test_a_run_goes_on_with_another_number_of_ranks(tmp_path: Path) -> None:
    checkpoint, out = str(tmp_path / "checkpoint.safetensors"), {}
    call(3, "tests.runs:begin", checkpoint, 12, 6, folder=tmp_path)
    for world, start in ((3, ""), (1, checkpoint), (2, checkpoint)):
        out[world] = tmp_path / str(world)
        out[world].mkdir()
        call(world, "tests.runs:go_on", start, 12, str(out[world]), folder=tmp_path)
    for world in (1, 2):
        check_weights(out[3] / "text.safetensors", out[world] / "text.safetensors")


@pytest.mark.parametrize("world", [2, 3])
def test_what_ranks_agree_on(world: int, tmp_path: Path) -> None:
    call(world, "tests.runs:agreements", folder=tmp_path)


def test_shares_are_all_rows_once_in_order() -> None:
    for count in (0, 1, 2, 7, 101):
        for ranks_ in (1, 2, 3, 8):
            shares = [range(count)[count * k // ranks_ : count * (k + 1) // ranks_] for k in range(ranks_)]
            assert [row for each in shares for row in each] == list(range(count))
            assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert share(range(9)) == range(9) and divided(3, lambda rows: torch.tensor(list(rows))).tolist() == [0, 1, 2]


def test_launchers_say_the_same_in_other_words() -> None:
    torchrun = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "MASTER_ADDR": "a", "MASTER_PORT": "29500"}
    assert place(torchrun) == Place(5, 8, 1, "a", 29500)
    slurm = {"SLURM_PROCID": "5", "SLURM_STEP_NUM_TASKS": "8", "SLURM_LOCALID": "1", "SLURM_JOB_ID": "1234567"}
    for nodes, host in (("n[03-05,9],m1", "n03"), ("gpu-a1,gpu-a2", "gpu-a1"), ("one", "one")):
        assert place({**slurm, "SLURM_STEP_NODELIST": nodes}) == Place(5, 8, 1, host, 24567)
    assert place({}) is None and place({**torchrun, "WORLD_SIZE": "1"}) is None
    for broken in ({**torchrun, "RANK": "x"}, {"WORLD_SIZE": "2"}):
        with pytest.raises(ValueError, match="RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT must be set"):
            place(broken)


def test_a_process_by_itself_joins_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORLD_SIZE", "SLURM_STEP_NUM_TASKS"):
        monkeypatch.delenv(name, raising=False)
    with ranks():
        assert not torch.distributed.is_initialized()


def test_a_folder_has_one_writer(tmp_path: Path) -> None:
    out = tmp_path / "a.safetensors"
    with only_writer(out):
        with pytest.raises(ValueError, match="another run is writing"), only_writer(out):
            pass
        with only_writer(tmp_path / "b.safetensors"):
            pass
    with only_writer(out):
        pass
    assert not list(tmp_path.iterdir())
