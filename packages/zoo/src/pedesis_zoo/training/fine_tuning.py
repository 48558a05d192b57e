"""Beginning from trained weights: copied where they fit, by name where they belong to a class."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from pedesis.denoiser import NetworkDenoiser
from pedesis.utils.registry import UnknownName
from pedesis_zoo.models.loading import ImageModel, PointModel, load_any
from pedesis_zoo.models.weights import build

TABLE = "network.label.table.weight"
"""Of a network that knows classes: one row each, and the null row last; added to what `BIAS` is a part of."""
BIAS = "network.noise_level.second.bias"

Origins = Mapping[str, str | None]
"""new class -> the trained class whose row it begins with, or None for a fresh one."""


def begin_from(
    model: nn.Module, weights: str | Path, classes: Sequence[str] = (), origins: Origins | None = None
) -> None:
    """Copy the weights of a file, or of a model of the zoo, into a model, which may have more, or more outputs.

    Args:
        classes: of `model`, in its order. The null row is kept; a class begins as the trained one of its name, or of
            the name that `origins` gives it; others are fresh.

    Raises:
        ValueError: weights of another shape. UnknownName: a class in `origins` that does not exist.
    """
    trained, about, _ = load_any(weights)
    try:
        _copy(trained, model, about["data"]["classes"], classes, origins or {})
    except RuntimeError as error:
        raise ValueError(f"{weights} does not fit this recipe: {str(error).splitlines()[-1].strip()}") from None


def trainable(
    model: str | Path | ImageModel | PointModel | NetworkDenoiser,
    classes: Sequence[str] | Origins | None = None,
    seed: int = 0,
) -> NetworkDenoiser:
    """A copy of a model that `pedesis.training.fit` can train: gradients on, in training mode.

    Args:
        classes: names of other classes than it has. The null row is kept; a class begins as the trained one of its
            name; {"boot": "ankle boot", "hat": None} says otherwise, where None is a fresh one, as is a new name.
        seed: of fresh rows.

    Raises:
        ValueError: other classes for a model that has none. UnknownName: it knows no class of that name.

    `dataclasses.replace(model, denoiser=state.averaged(), classes=...)` is then a model that samples and saves.
    """
    known: tuple[str, ...] = ()
    if isinstance(model, NetworkDenoiser):
        denoiser = model
    elif isinstance(model, str | Path):
        module, about, _ = load_any(model)
        if not isinstance(module, NetworkDenoiser):
            raise ValueError(f"{model!r} is a {about['kind']}; only denoisers are made trainable here")
        denoiser, known = module, tuple(about["data"]["classes"])
    else:
        denoiser, known = model.denoiser, model.classes
    if classes is None:
        return copy.deepcopy(denoiser).requires_grad_().train()
    if not denoiser.option("classes"):
        raise ValueError("this model knows no classes, so it can have no others")
    spec = denoiser.spec()
    other = build("image", {**spec, "network": {**spec["network"], "classes": len(classes)}}, seed)
    assert isinstance(other, NetworkDenoiser)
    origins = {k: v for k, v in classes.items() if v is not None} if isinstance(classes, Mapping) else {}
    _copy(denoiser, other, known, tuple(classes), origins)
    return other.to(next(denoiser.parameters()).device).requires_grad_().train()


def _copy(trained: nn.Module, model: nn.Module, known: Sequence[str], classes: Sequence[str], origins: Origins) -> None:
    state, fresh = trained.state_dict(), model.state_dict()
    head = [name for name in state if name.startswith("network.out.") and name in fresh]
    copied = {**state, **{name: _grown(state[name], fresh[name]) for name in head}}
    if TABLE in state and TABLE in fresh and classes:
        copied[TABLE] = _class_rows(state[TABLE], known, fresh[TABLE], classes, origins)
    if TABLE in copied and TABLE not in fresh:  # from classes to none: the null row becomes a part of what is left
        copied[BIAS] = copied[BIAS] + copied.pop(TABLE)[-1]
    elif TABLE in fresh and TABLE not in copied:  # from none to classes: it begins with none
        fresh[TABLE] = torch.cat([fresh[TABLE][:-1], torch.zeros_like(fresh[TABLE][-1:])])
    model.load_state_dict({**fresh, **copied})


def _class_rows(
    trained: Tensor, known: Sequence[str], fresh: Tensor, classes: Sequence[str], origins: Origins
) -> Tensor:
    for name in origins:
        if name not in classes:
            raise UnknownName("class", name, classes)
    rows = fresh.clone()
    rows[-1] = trained[-1]
    for i, name in enumerate(classes):
        origin = origins.get(name, name)
        if origin in known:
            rows[i] = trained[known.index(origin)]
        elif name in origins:
            raise UnknownName("class", origin, known)
    return rows


def _grown(trained: Tensor, fresh: Tensor) -> Tensor:
    """Trained rows, followed by what a fresh tensor has more: a variance head's, after the mean's."""
    fits = trained.shape[1:] == fresh.shape[1:]
    return torch.cat([trained, fresh[len(trained) :]]) if fits and len(fresh) > len(trained) else trained
