"""The files of a run: written by one process, whole or not at all, and the checkpoint before the newest is kept."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pedesis.training import Damaged, Objective, TrainState, check_whole, read_header, validation_loss
from pedesis.utils.distributed import alone
from pedesis.utils.files import check_writable, only_writer
from pedesis_zoo.models.weights import save_weights, weight_path

if TYPE_CHECKING:
    from pedesis_zoo.training.run import Plan

VALIDATION = 2000  # held-out pictures that the loss is measured on, at most


def claim(kept: ExitStack, out: Path, checkpoint: Path) -> None:
    """See that the files of a run can be written, and by no other run, as long as `kept` is open."""
    check_writable(out)
    check_writable(checkpoint)
    kept.enter_context(only_writer(out, checkpoint))


@dataclass
class CheckpointWriter:
    """Writes what was learned: the weights, then the larger checkpoint."""

    plan: Plan
    loss: Objective
    device: str
    out: Path
    checkpoint: Path

    def keep(self, state: TrainState[Any], replacing: bool = True) -> str:
        """Write both, or what is missing if nothing is to be replaced; says what could not be written."""
        with alone():
            return self._write(state, replacing)

    def _write(self, state: TrainState[Any], replacing: bool) -> str:
        model = state.ema_model()
        if (held := self.plan.held) is not None:
            count, seed = min(len(held.labels), VALIDATION), self.plan.config.seed
            state.validation = validation_loss(model, held.batches(count, seed, self.device), self.loss, count, seed)
        trouble = []
        for path in (self.out, self.checkpoint):
            if path.exists() and not replacing:
                continue
            try:
                if path == self.out:
                    save_weights(path, model, self.plan.about(state))
                elif state.whole:  # else a step was cut short: going on from the older one is exact
                    state.save(path, previous_path(path) if _is_whole(path) else None)
            except ValueError as error:
                trouble.append(str(error))
        return "; ".join(trouble)

    def ended(self, state: TrainState[Any], trouble: str) -> str:
        """A sentence for a run that did not end as it should."""
        kept = [f"the trained weights are in {self.out}"] if f"write {self.out}" not in trouble else []
        return f"stopped after step {state.step}: {'; '.join(kept + [trouble] * bool(trouble))}"


def intact_checkpoint(checkpoint: Path) -> tuple[Path | None, str]:
    """The checkpoint to go on from: the newest, or the one before if that is missing or damaged; and what to say.

    Raises:
        ValueError: neither of them can be used.
    """
    troubles = []
    for path in (checkpoint, previous_path(checkpoint)):
        if not path.exists():
            continue
        try:
            check_whole(path)
        except Damaged as error:
            troubles.append(str(error))
            continue
        if path != checkpoint:
            troubles.append(f"going on from the checkpoint before it, {path}, of step {read_header(path)['step']}")
        return path, "; ".join(troubles)
    if troubles:
        raise ValueError(f"{'; '.join(troubles)}. Remove {checkpoint} to begin anew")
    return None, ""


def _is_whole(checkpoint: Path) -> bool:
    """Whether it is worth keeping: a damaged one must not push out the good one before it."""
    try:
        check_whole(checkpoint)
    except (Damaged, OSError):
        return False
    return True


def previous_path(checkpoint: Path) -> Path:
    """Where the checkpoint before the newest one lies."""
    return checkpoint.with_name(checkpoint.name.replace(".checkpoint.", ".previous.checkpoint."))


def checkpoint_path(out: str | Path) -> Path:
    """Where the checkpoint of a run that writes `out` lies: beside it. Raises ValueError if `out` names no weights."""
    out = weight_path(out)
    return out.with_name(f"{out.stem}.checkpoint.safetensors")
