"""Loading: a name of the zoo, or a path to a weight file, becomes a model that is ready to use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pedesis.denoiser import NetworkDenoiser
from pedesis.registry import UnknownName
from pedesis_zoo.recipes import Generation
from pedesis_zoo.registry import MODELS, WEIGHTS, list_models, recipe
from pedesis_zoo.weights import load_weights


@dataclass(frozen=True)
class ImageModel:
    """A trained denoiser of pictures.

    Attributes:
        denoiser: the model itself, a `pedesis.denoiser.Denoiser`.
        shape: (C, H, W) of its pictures. classes: their names, empty if it is unconditional.
        generation: the settings that suit it.
        about: everything else the weight file says.
    """

    name: str
    denoiser: NetworkDenoiser
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    generation: Generation
    about: dict[str, Any]

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return next(self.denoiser.parameters()).device

    def condition(self, wanted: str | int | Sequence[str | int | None] | None, rows: int) -> Tensor | None:
        """Class names or numbers, one for all rows or one per row, as the tensor the denoiser takes.

        None means no class; so does the whole condition of a model without classes.

        Raises:
            UnknownName: no such class. ValueError: a wrong number of classes, or a class for an unconditional model.
        """
        each = [wanted] * rows if wanted is None or isinstance(wanted, str | int) else list(wanted)
        if len(each) != rows:
            raise ValueError(f"{len(each)} classes were given for {rows} images; give one, or one per image")
        if not self.classes:
            if any(label is not None for label in each):
                raise ValueError(f"{self.name!r} is unconditional and takes no class; got {each[0]!r}")
            return None
        return torch.tensor([-1 if label is None else self._class_number(label) for label in each], device=self.device)

    def _class_number(self, label: str | int) -> int:
        if isinstance(label, str) and label in self.classes:
            return self.classes.index(label)
        if isinstance(label, bool) or not str(label).isdigit() or int(label) >= len(self.classes):
            raise UnknownName("class", label, self.classes)
        return int(label)


def load(name_or_path: str | Path, device: str | torch.device = "cpu") -> ImageModel:
    """Load a model of pictures by name, or from a weight file (anything with a suffix or a slash).

    Raises:
        UnknownName: no such model. ValueError: a file that is missing, altered, or of another kind.
    """
    module, about, name = load_any(name_or_path)
    if not isinstance(module, NetworkDenoiser):
        raise ValueError(f"{name!r} is a {about['kind']}, which draws no pictures; see list_models(kind='image')")
    module.to(device)
    generation, data = _generation(about["generation"]), about["data"]
    return ImageModel(name, module, tuple(data["shape"]), tuple(data["classes"]), generation, about)


def _generation(plain: dict[str, Any]) -> Generation:
    """`Generation` from the header of a file, where a pair is a list."""
    interval = plain.get("interval")
    return Generation(**{**plain, "interval": None if interval is None else tuple(interval)})


def load_any(name_or_path: str | Path) -> tuple[nn.Module, dict[str, Any], str]:
    """The module of any kind of model, what its file says, and its name."""
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or "/" in text or text.endswith(".safetensors"):
        module, about = load_weights(name_or_path)
        return module, about, Path(text).stem
    known = recipe(text)
    if text not in list_models():
        raise ValueError(
            f"{text!r} has a recipe but no weights yet; train it with `python -m pedesis_zoo train {text}`"
        )
    module, about = load_weights(MODELS / text / WEIGHTS, known.sha256)
    return module, about, text
