"""Loading: a name of the zoo, or a path to a weight file, becomes a model that is ready to use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pedesis.denoiser import Denoiser, NetworkDenoiser
from pedesis.device import AUTO, find_device
from pedesis.images import Pixels
from pedesis.nn.text import TextConfig
from pedesis.precision import at_least_single, weights_of
from pedesis.registry import UnknownName
from pedesis.variance import AnalyticVariance
from pedesis_zoo.data.sets import FOLDER_LICENCE, OWN, ZOO
from pedesis_zoo.recipes import Generation
from pedesis_zoo.registry import MODELS, WEIGHTS, list_models, recipe, recipes
from pedesis_zoo.weights import load_weights, save_weights, weight_path


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

    def sample(self, *arguments: Any, **settings: Any) -> Pixels:
        """`pedesis_zoo.sample` of this model: uint8 (N, H, W, C)."""
        from pedesis_zoo.generation import sample

        return sample(self, *arguments, **settings)

    def save(self, path: str | Path) -> None:
        """Write a weight file. Raises ValueError if it cannot be written, or could not be loaded again."""
        _save(self, path)

    @property
    def data(self) -> str | None:
        """The zoo's data that it was trained on; None for data of one's own, whatever their name."""
        return zoo_data(self.about)

    @property
    def text(self) -> TextConfig | None:
        """What it knows of words, if it takes prompts instead of classes."""
        text: TextConfig | None = self.denoiser.option("text")
        return text

    @property
    def conditional(self) -> bool:
        """Whether it can be asked for something, and so be guided."""
        return bool(self.classes) or self.text is not None

    @property
    def informed(self) -> Denoiser:
        """The denoiser with a Var[x_0 | x_t]: its own, or the mean one that the weight file keeps; if any."""
        kept = self.about.get("variance")
        if kept is None or self.denoiser.option("variance"):
            return self.denoiser
        log_snrs, variances = (torch.tensor(kept[key], dtype=torch.float64) for key in ("log_snrs", "variances"))
        return AnalyticVariance(self.denoiser, log_snrs, variances)

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return next(self.denoiser.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """What its walks are computed in: the type of its weights, at least float32."""
        return at_least_single(weights_of(self.denoiser.network, torch.float32))

    def condition(self, wanted: str | int | Sequence[str | int | None] | None, rows: int) -> Tensor | None:
        """What is wanted, one thing for all rows or one per row, as the tensor the denoiser takes.

        Class names or numbers, or prompts for a model of text; None or an empty prompt asks for nothing. Without
        classes and text the whole condition is None.

        Raises:
            UnknownName: no such class. ValueError: a wrong number of conditions, one for an unconditional model, or a
                prompt with unknown words.
        """
        each = [wanted] * rows if wanted is None or isinstance(wanted, str | int) else list(wanted)
        if len(each) != rows:
            raise ValueError(f"{len(each)} conditions were given for {rows} images; give one, or one per image")
        if self.text is not None:
            return self._tokens(each)
        if not self.classes:
            if any(label is not None for label in each):
                raise ValueError(f"{self.name!r} is unconditional and takes no class; got {each[0]!r}")
            return None
        return torch.tensor([-1 if label is None else self._class_number(label) for label in each], device=self.device)

    def _tokens(self, prompts: Sequence[str | int | None]) -> Tensor:
        from pedesis_zoo.data.captions import Vocabulary

        assert self.text is not None
        if not all(prompt is None or isinstance(prompt, str) for prompt in prompts):
            raise ValueError(f"{self.name!r} takes prompts, in words; got {prompts[0]!r}")
        tokens = Vocabulary(self.text.vocabulary).tokens([str(prompt or "") for prompt in prompts], self.text.length)
        return torch.as_tensor(tokens, device=self.device)

    def _class_number(self, label: str | int) -> int:
        if isinstance(label, str) and label in self.classes:
            return self.classes.index(label)
        if isinstance(label, bool) or not str(label).isdigit() or int(label) >= len(self.classes):
            raise UnknownName("class", label, self.classes)
        return int(label)


@dataclass(frozen=True)
class PointModel:
    """A trained denoiser of points: `denoiser` takes (B, D); `classes` are empty if it is unconditional."""

    name: str
    denoiser: NetworkDenoiser
    shape: tuple[int, ...]
    classes: tuple[str, ...]
    generation: Generation
    about: dict[str, Any]

    @property
    def dtype(self) -> torch.dtype:
        """What its walks are computed in: the type of its weights, at least float32."""
        return at_least_single(weights_of(self.denoiser.network, torch.float32))

    def sample(self, *arguments: Any, **settings: Any) -> NDArray[np.float64]:
        """`pedesis_zoo.sample_points` of this model: (N, D)."""
        from pedesis_zoo.points import sample_points

        return sample_points(self, *arguments, **settings)

    def save(self, path: str | Path) -> None:
        """Write a weight file. Raises ValueError if it cannot be written, or could not be loaded again."""
        _save(self, path)


def _save(model: ImageModel | PointModel, path: str | Path) -> None:
    data = {**model.about["data"], "shape": list(model.shape), "classes": list(model.classes)}
    if data["classes"] != model.about["data"]["classes"]:
        data["source"] = OWN  # trained on other data since
    about = {**model.about, "data": data, "generation": asdict(model.generation)}
    save_weights(weight_path(path), model.denoiser, about)


def load_points(name_or_path: str | Path) -> PointModel:
    """Load a model of points, such as "toy-moons". Raises ValueError for a model of another kind."""
    module, about, name = load_any(name_or_path)
    if about["kind"] != "points" or not isinstance(module, NetworkDenoiser):
        raise ValueError(f"{name!r} is a model of kind {about['kind']!r}; see list_models(kind='points')")
    data = about["data"]
    return PointModel(
        name, module, tuple(data["shape"]), tuple(data["classes"]), generation_from(about["generation"]), about
    )


def load(name_or_path: str | Path, device: str | torch.device = AUTO, compile: bool = False) -> ImageModel:
    """Load a model of pictures by name, or from a weight file (anything with a suffix or a slash).

    Args:
        device: "cpu", "cuda", "mps" or the like; "auto" is the best that this machine has.
        compile: let `torch.compile` translate the network at its first call, which takes a minute and needs a C++
            compiler. For a GPU: on two processor cores it drew no faster. Pictures differ a little by rounding.

    Raises:
        UnknownName: no such model. ValueError: a file that is missing, altered, or of another kind; a device that this
            machine does not have.
    """
    place = find_device(device)
    module, about, name = load_any(name_or_path)
    if about["kind"] == "points":
        raise ValueError(f"{name!r} is a model of points, not of pictures: use pedesis_zoo.load_points({name!r})")
    if not isinstance(module, NetworkDenoiser):
        raise ValueError(f"{name!r} is a {about['kind']}, which draws no pictures; see list_models(kind='image')")
    module.to(place)
    if compile:
        module.network.compile()
    generation, data = generation_from(about["generation"]), about["data"]
    return ImageModel(name, module, tuple(data["shape"]), tuple(data["classes"]), generation, about)


def zoo_data(about: Mapping[str, Any]) -> str | None:
    """The zoo's data that a weight file says it was trained on; None for data of one's own, whatever their name."""
    data = about["data"]
    source = data.get("source", OWN if data["licence"] == FOLDER_LICENCE else ZOO)  # files of version 0.1.0 say no more
    return data["name"] if source == ZOO else None


def known_data(about: Mapping[str, Any]) -> str:
    """`zoo_data`, where nothing can be measured without. Raises ValueError for data of one's own."""
    found = zoo_data(about)
    if found is None:
        raise ValueError(
            f"this model was trained on data of your own ({about['data']['name']!r}); the zoo has no test pictures and "
            "no judge of them, and measures models of its own data only"
        )
    return found


def generation_from(plain: dict[str, Any]) -> Generation:
    """`Generation` from the header of a file, where a pair is a list."""
    pairs = {key: tuple(value) for key, value in plain.items() if isinstance(value, list)}
    return Generation(**{**plain, **pairs})


def load_any(name_or_path: str | Path) -> tuple[nn.Module, dict[str, Any], str]:
    """The module of any kind of model, what its file says, and its name."""
    text = str(name_or_path)
    a_path = isinstance(name_or_path, Path) or "/" in text or bool(Path(text).suffix)
    if a_path or (text not in recipes() and Path(text).is_file()):
        module, about = load_weights(name_or_path)
        return module, about, Path(text).stem
    known = recipe(text)
    if text not in list_models():
        raise ValueError(
            f"{text!r} has a recipe but no weights yet; train it with `python -m pedesis_zoo train {text}`"
        )
    module, about = load_weights(MODELS / text / WEIGHTS, known.sha256)
    return module, about, text
