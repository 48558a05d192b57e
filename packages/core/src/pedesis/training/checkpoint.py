r"""Checkpoints: everything that a resumed run needs, and what it must have in common with the one that was stopped.

    parameter.i, ema.i, optimizer.KEY.i    of the i-th trained parameter, in the order of `Module.parameters`
    state.NAME                             every other tensor of the module: buffers, and parameters that are frozen

The header says where the run stands and what it is: the module's own description, the names and shapes of its
parameters, the batch, and what the caller says of the data. A run in which any of that differs is another one.
"""

from __future__ import annotations

import json
import reprlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from pedesis.utils.files import atomic, digest

if TYPE_CHECKING:
    from pedesis.training.state import TrainState

KEY, SHA256 = "pedesis-checkpoint", "sha256"
STREAM = ("batch", "seed", "ema_power", "optimizer")
"""Fields of `TrainConfig` that say what step n means; the others may change when a run goes on."""


def identity(state: TrainState[Any]) -> dict[str, Any]:
    """What a run is, as plain data: it goes on only as the same."""
    named = [[name, list(p.shape)] for name, p in state.model.named_parameters() if p.requires_grad]
    config = {name: getattr(state.config, name) for name in STREAM}
    return {"about": plain(state.about), "config": config, "spec": description(state.model), "parameters": named}


def description(model: nn.Module) -> Any:
    """The module's `spec()` as plain data, or None if it, or a part of it, cannot describe itself."""
    try:
        return plain(model.spec())  # type: ignore[operator]
    except (AttributeError, ValueError):
        return None


def plain(value: Any) -> Any:
    """`value` as JSON would give it back. Raises ValueError for what is no plain data."""
    try:
        return json.loads(json.dumps(value))
    except TypeError as error:
        raise ValueError(f"a description must be plain data, numbers, words, lists and dicts ({error})") from None


class Damaged(ValueError):
    """A checkpoint that is not as it was written."""


def save(state: TrainState[Any], path: str | Path, previous: Path | None = None) -> None:
    """Write everything a resumed run needs, as one safetensors file, whole or not at all.

    Args:
        previous: where the checkpoint that was there goes, to fall back on.
    """
    tensors = {f"state.{name}": value.clone() for name, value in _untrained(state.model).items()}
    for i, (parameter, average) in enumerate(zip(state.parameters, state.ema, strict=True)):
        tensors[f"parameter.{i}"], tensors[f"ema.{i}"] = parameter.data, average
        for key, value in state.optimizer.state[parameter].items():
            tensors[f"optimizer.{key}.{i}"] = value
    header = {
        **identity(state),
        "step": state.step,
        "steps": state.steps,
        "minutes": state.config.minutes,
        "seconds": state.seconds,
    }
    text = json.dumps(header)
    with atomic(path, previous) as temporary:
        tensors = {key: value.contiguous() for key, value in tensors.items()}
        save_file(tensors, temporary, {KEY: text, SHA256: digest(text, tensors)})


def check_whole(path: str | Path) -> None:
    """Raise `Damaged` for a checkpoint that does not say what was written to it."""
    _read(path, None)


def read_header(path: str | Path) -> dict[str, Any]:
    """What a checkpoint says of its run. Raises ValueError for a file that is damaged, or none."""
    return _read(path, ())[0]


def restore(state: TrainState[Any], path: str | Path) -> None:
    """Continue from a checkpoint.

    A plan of steps is the configuration's; one that was measured from minutes is kept, unless other minutes are
    asked for now.

    Raises:
        ValueError: it is no checkpoint, or belongs to another run; nothing is changed then.
    """
    header, tensors = _read(path, None)
    now = identity(state)
    known = [name for name in now if now[name] is not None and header.get(name) is not None]
    labels = {"parameters": "parameters"}  # the others are dicts, whose keys say enough
    found = [phrase for name in known for phrase in differences(header[name], now[name], labels.get(name, ""))]
    if found:
        raise ValueError(
            f"{path} is not a checkpoint of this model as it is trained now: {'; '.join(found[:3])}. "
            "Go on as before, or train into another file"
        )
    others = _untrained(state.model)
    with torch.no_grad():
        for name in others.keys() & {key.removeprefix("state.") for key in tensors}:
            others[name].copy_(tensors[f"state.{name}"])
    moments: dict[str, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, key, number = name.split(".")
            moments.setdefault(number, {})[key] = value
    for i, (parameter, average) in enumerate(zip(state.parameters, state.ema, strict=True)):
        parameter.data.copy_(tensors[f"parameter.{i}"])
        average.copy_(tensors[f"ema.{i}"])
        kept = state.optimizer.state[parameter]
        kept.clear()
        for key, value in moments.get(str(i), {}).items():  # none, if it never had a gradient
            like_it = value.shape == parameter.shape  # and then with its strides
            kept[key] = torch.empty_like(parameter.data).copy_(value) if like_it else value.clone()
    state.step, state.seconds = header["step"], header["seconds"]
    config = state.config
    if config.steps is None and config.minutes is not None:
        used_up = state.seconds >= 60 * config.minutes
        same = header.get("minutes") == config.minutes
        state.steps = header["steps"] if same else state.step if used_up else None


def agrees(kept: Any, now: Any) -> bool:
    """Whether a model is as a kept specification says; options that are newer than it are not asked about."""
    return not differences(kept, now)


def differences(kept: Any, now: Any, name: str = "") -> list[str]:
    """What differs from a kept description, one phrase each; keys that are newer than it are not asked about."""
    if isinstance(kept, dict) and isinstance(now, dict) and kept.get("name") == now.get("name"):
        each = [differences(value, now.get(key), f"{name}.{key}" if name else key) for key, value in kept.items()]
        return [phrase for phrases in each for phrase in phrases]
    if kept == now:
        return []
    if isinstance(kept, dict) and isinstance(now, dict):  # another thing of its kind: its arguments say no more
        return differences(kept.get("name"), now.get("name"), f"{name}.name" if name else "name")
    return [f"{name or 'it'}: {_SHORT.repr(kept)} then, {_SHORT.repr(now)} now"]


_SHORT = reprlib.Repr()
_SHORT.maxlist = _SHORT.maxdict = 12
_SHORT.maxstring = _SHORT.maxother = 60


def _untrained(model: nn.Module) -> dict[str, Tensor]:
    """Every tensor of a module's state that is not a trained parameter."""
    trained = {name for name, p in model.named_parameters(remove_duplicate=False) if p.requires_grad}
    return {k: v for k, v in model.state_dict().items() if k not in trained and isinstance(v, Tensor)}


def _read(path: str | Path, keys: tuple[str, ...] | None) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The header, and the tensors named (None: all)."""
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            text = metadata.get(KEY, "null")
            header = json.loads(text)
            names = file.keys() if keys is None else keys
            tensors = {key: file.get_tensor(key) for key in names}
    except (SafetensorError, OSError) as error:
        raise Damaged(f"{path} cannot be read as a checkpoint ({error})") from None
    if header is None:
        raise ValueError(f"{path} is no checkpoint; `save` of a training state writes one")
    header["config"] = {"optimizer": "adamw", **(header.get("config") or {})}  # all there was, before it was said
    if keys is None and metadata.get(SHA256) not in (None, digest(text, tensors)):
        raise Damaged(f"{path} was altered or damaged: its content does not match the digest in its header")
    return header, tensors
