"""Optimizers: Muon turns a gradient into a rotation, and leaves to AdamW what is no matrix."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from pedesis.training import TrainConfig, TrainState
from pedesis.training.checkpoint import KEY
from pedesis.training.optimizers import Muon, matrices, optimizer_of
from pedesis.utils.noise import generator

RATE = 0.01
MUON = TrainConfig(learning_rate=RATE, optimizer="muon", weight_decay=0.0)


class Layers(nn.Module):
    """One of each kind: what is small, a table and a vector are no matrices for Muon."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.inner = nn.Linear(2, 20), nn.Linear(24, 20)
        self.table, self.scale = nn.Embedding(30, 24), nn.Parameter(torch.ones(20))
        self.kernel, self.last = nn.Conv2d(16, 18, 3), nn.Conv2d(18, 1, 3)


def uniform(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=generator(seed)) - 0.5


def stepped(model: nn.Module, config: TrainConfig, gradients: dict[str, Tensor]) -> dict[str, Tensor]:
    """How one step changes the parameters that are given a gradient."""
    named = dict(model.named_parameters())
    optimizer = optimizer_of(model, list(named.values()), config)
    optimizer.zero_grad()
    before = {name: named[name].detach().clone() for name in gradients}
    for name, gradient in gradients.items():
        named[name].grad = gradient.clone()
    optimizer.step()
    return {name: named[name].detach() - before[name] for name in gradients}


def test_a_step_of_muon_is_nearly_a_rotation_along_the_gradient() -> None:
    """-lr 0.2 sqrt(max(rows, columns)) U R V^T of G = U S V^T, with R near 1; five steps leave it in 0.6 to 1.3."""
    left, right = (torch.linalg.qr(uniform(n, n, seed=n))[0] for n in (20, 24))
    gradient = left @ torch.diag(torch.linspace(0.1, 1, 20)) @ right[:20]
    change = stepped(Layers(), MUON, {"inner.weight": gradient})["inner.weight"]
    inside = left.T @ (change / (-RATE * 0.2 * 24**0.5)) @ right.T
    along = inside.diagonal()
    assert ((along > 0.6) & (along < 1.3)).all()
    assert (inside[:, :20] - torch.diag(along)).abs().max() < 0.03 and inside[:, 20:].abs().max() < 0.03


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch has had Muon since 2.9")
@pytest.mark.parametrize("shape", [(20, 24), (24, 20), (18, 16, 3, 3)])
def test_steps_are_those_of_torch(shape: tuple[int, ...], precision: str) -> None:
    """Three steps with different gradients; torch's own iteration is always in bfloat16."""
    ours, theirs = (nn.Parameter(uniform(*shape)) for _ in range(2))
    flat = nn.Parameter(theirs.detach().flatten(1))
    mine = Muon([ours], RATE, weight_decay=0.3)
    torchs = torch.optim.Muon([flat], RATE, weight_decay=0.3, adjust_lr_fn="match_rms_adamw")
    start = flat.detach().clone()
    for seed in (1, 2, 3):
        ours.grad = uniform(*shape, seed=seed)
        flat.grad = ours.grad.flatten(1)
        mine.step()
        torchs.step()
    walked = (flat - start).norm()
    assert (ours.flatten(1) - flat).norm() < 0.02 * walked


def test_the_memory_of_a_kernel_does_not_matter() -> None:
    gradient = uniform(18, 16, 3, 3)
    changes = []
    for memory in (torch.contiguous_format, torch.channels_last):
        torch.manual_seed(0)
        model = Layers().to(memory_format=memory)  # type: ignore[call-overload]
        changes.append(stepped(model, MUON, {"kernel.weight": gradient})["kernel.weight"])
    assert torch.equal(*changes)


def test_what_is_no_matrix_is_left_to_adamw() -> None:
    torch.manual_seed(0)
    model = Layers()
    assert [id(p) for p in matrices(model)] == [id(model.inner.weight), id(model.kernel.weight)]
    gradients = {name: uniform(*p.shape) for name, p in model.named_parameters()}
    of_muon = stepped(model, MUON, gradients)
    torch.manual_seed(0)
    of_adamw = stepped(Layers(), TrainConfig(learning_rate=RATE), gradients)
    same = {name for name in gradients if torch.equal(of_muon[name], of_adamw[name])}
    assert same == set(gradients) - {"inner.weight", "kernel.weight"}


def test_what_has_no_gradient_and_what_is_frozen_stays() -> None:
    model = Layers()
    model.inner.weight.requires_grad_(False)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = optimizer_of(model, trained, MUON)
    assert set(map(id, optimizer.state)) == set(map(id, trained))
    before = [p.detach().clone() for p in model.parameters()]
    model.kernel.weight.grad = uniform(18, 16, 3, 3)
    optimizer.step()
    changed = [not torch.equal(p, old) for p, old in zip(model.parameters(), before, strict=True)]
    assert changed == [p is model.kernel.weight for p in model.parameters()]


def test_a_run_goes_on_with_its_optimizer(tmp_path: Path) -> None:
    """A checkpoint of before optimizers were said is AdamW's."""

    def state(optimizer: str) -> TrainState[nn.Module]:
        model = nn.Linear(20, 20)
        config, parameters = TrainConfig(optimizer=optimizer), list(model.parameters())
        average = [p.detach().clone() for p in parameters]
        return TrainState(config, model, optimizer_of(model, parameters, config), average, parameters)

    state("muon").save(tmp_path / "muon.safetensors")
    with pytest.raises(ValueError, match="optimizer: 'muon' then, 'adamw' now"):
        state("adamw").restore(tmp_path / "muon.safetensors")
    old = {"step": 0, "steps": None, "seconds": 0.0, "config": {"batch": 128, "seed": 0, "ema_power": 16.97}}
    tensors = {
        f"{kind}.{i}": p.detach() for kind in ("parameter", "ema") for i, p in enumerate(nn.Linear(20, 20).parameters())
    }
    save_file(tensors, tmp_path / "old.safetensors", {KEY: json.dumps(old)})
    state("adamw").restore(tmp_path / "old.safetensors")
    with pytest.raises(ValueError, match="optimizer: 'adamw' then, 'muon' now"):
        state("muon").restore(tmp_path / "old.safetensors")
