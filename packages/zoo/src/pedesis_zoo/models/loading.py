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
from pedesis.nn.text_encoder import TextConfig
from pedesis.theory.variance import AnalyticVariance
from pedesis.utils.device import AUTO, find_device
from pedesis.utils.images import Pixels
from pedesis.utils.precision import at_least_single, weights_of
from pedesis.utils.registry import UnknownName, shown
from pedesis_zoo.data.sets import FOLDER_LICENSE, OWN, ZOO
from pedesis_zoo.models.arguments import plain, several
from pedesis_zoo.models.notebook import lines
from pedesis_zoo.models.recipe import Generation
from pedesis_zoo.models.registry import WEIGHTS, folder_of, list_models, own_file, recipe
from pedesis_zoo.models.remote import is_remote
from pedesis_zoo.models.weights import load_weights, save_weights, weight_path


@dataclass(frozen=True, repr=False)
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

    def __repr__(self) -> str:
        return _told(self)

    def sample(self, *arguments: Any, **settings: Any) -> Pixels:
        """`pedesis_zoo.sample` of this model: uint8 (N, H, W, C)."""
        from pedesis_zoo.generation.sampling import sample

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
    def with_variance(self) -> Denoiser:
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

    def empty(self, rows: int) -> Tensor:
        """Room for some pictures, (rows, C, H, W), of the type and at the place where they are drawn."""
        return torch.empty(rows, *self.shape, dtype=self.dtype, device=self.device)

    def condition(self, wanted: Any, rows: int) -> Tensor | None:
        """What is wanted, one thing for all rows or one per row, as the tensor the denoiser takes.

        Class names or numbers, or prompts for a model of text, also in arrays and tensors; None, -1 (as in the core)
        or an empty prompt asks for nothing. Without classes and text the whole condition is None.

        Raises:
            UnknownName: no such class. ValueError: a wrong number of conditions, one for an unconditional model, or a
                prompt with unknown words.
        """
        wanted = plain(wanted)
        alone = wanted is None or isinstance(wanted, str | int | float)
        each = [wanted] * rows if alone else several("a condition is one for all pictures, or one per picture", wanted)
        each = [None if label in (-1, "-1") else label for label in each]
        if len(each) != rows:
            raise ValueError(f"{len(each)} conditions were given for {rows} images; give one, or one per image")
        if self.text is not None:
            return self._tokens(each)
        if not self.classes:
            asked = [label for label in each if label is not None]
            if asked:
                raise ValueError(f"{self.name!r} is unconditional and takes no class; got {shown(asked[0])}")
            return None
        return torch.tensor([-1 if label is None else self._class_number(label) for label in each], device=self.device)

    def _tokens(self, prompts: Sequence[Any]) -> Tensor:
        from pedesis_zoo.data.tokenizer import Vocabulary

        assert self.text is not None
        if not all(prompt is None or isinstance(prompt, str) for prompt in prompts):
            odd = next(prompt for prompt in prompts if not (prompt is None or isinstance(prompt, str)))
            raise ValueError(f"{self.name!r} takes prompts, in words; got {shown(odd)}")
        tokens = Vocabulary(self.text.vocabulary).tokens([str(prompt or "") for prompt in prompts], self.text.length)
        return torch.as_tensor(tokens, device=self.device)

    def _class_number(self, label: Any) -> int:
        return class_number(label, self.classes)


@dataclass(frozen=True, repr=False)
class PointModel:
    """A trained denoiser of points: `denoiser` takes (B, D); `classes` are empty if it is unconditional."""

    name: str
    denoiser: NetworkDenoiser
    shape: tuple[int, ...]
    classes: tuple[str, ...]
    generation: Generation
    about: dict[str, Any]

    def __repr__(self) -> str:
        return _told(self)

    @property
    def dtype(self) -> torch.dtype:
        """What its walks are computed in: the type of its weights, at least float32."""
        return at_least_single(weights_of(self.denoiser.network, torch.float32))

    def sample(self, *arguments: Any, **settings: Any) -> NDArray[np.float64]:
        """`pedesis_zoo.sample_points` of this model: (N, D)."""
        from pedesis_zoo.generation.points import sample_points

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


def class_number(label: Any, classes: Sequence[str]) -> int:
    """The number of a class, from its name or its number. Raises UnknownName."""
    if isinstance(label, str) and label in classes:
        return classes.index(label)
    known = not isinstance(label, bool) and isinstance(label, str | int) and str(label).isdecimal()
    if not known or int(label) >= len(classes):
        raise UnknownName("class", label, classes)
    return int(label)


def _told(model: ImageModel | PointModel) -> str:
    """A model in five lines."""
    usual, names, text = model.generation, ", ".join(model.classes), model.denoiser.option("text")
    words = f"prompts of {len(text.vocabulary)} words" if text is not None else "none"
    size = sum(weights.numel() for weights in model.denoiser.parameters()) / 1e6
    facts = {
        "shape": model.shape,
        "classes": f"{len(model.classes)}: {names if len(names) < 90 else names[:87] + '...'}" if names else words,
        "parameters": f"{size:.2f} million",
        "settings": f"{usual.sampler}, {usual.steps} steps, grid {usual.grid}, guidance {usual.guidance:g}",
    }
    return lines(f"{type(model).__name__} {model.name!r}", facts)


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
    """Load a model of pictures by name, or from a weight file (see `pedesis_zoo.models.registry.own_file`).

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
    source = data.get("source", OWN if data["license"] == FOLDER_LICENSE else ZOO)  # files of version 0.1.0 say no more
    return data["name"] if source == ZOO else None


def known_data(about: Mapping[str, Any]) -> str:
    """`zoo_data`, where nothing can be measured without. Raises ValueError for data of one's own."""
    found = zoo_data(about)
    if found is None:
        raise ValueError(
            f"this model was trained on data of your own ({about['data']['name']!r}); the zoo has no test pictures and "
            "no features for them: say which pictures to measure it on with --against FOLDER (in Python, against=)"
        )
    return found


def generation_from(plain: dict[str, Any]) -> Generation:
    """`Generation` from the header of a file, where a pair is a list."""
    pairs = {key: tuple(value) for key, value in plain.items() if isinstance(value, list)}
    return Generation(**{**plain, **pairs})


def loaded(model: ImageModel | str | Path) -> ImageModel:
    """A model, from itself, its name or its weight file. Raises ValueError."""
    if not isinstance(model, ImageModel | str | Path):
        raise ValueError(f"a model is a name, a path to a weight file, or what `load` gives; got {shown(model)}")
    return model if isinstance(model, ImageModel) else load(model)


def load_any(name_or_path: str | Path) -> tuple[nn.Module, dict[str, Any], str]:
    """The module of any kind of model, what its file says, and its name."""
    if (own := own_file(name_or_path)) is not None:
        module, about = load_weights(own)
        return module, about, str(name_or_path) if is_remote(name_or_path) else own.stem
    text = str(name_or_path)
    known = recipe(text)
    if text not in list_models():
        raise ValueError(
            f"{text!r} has a recipe but no weights yet; train it with `python -m pedesis_zoo train {text}`"
        )
    module, about = load_weights(folder_of(text) / WEIGHTS, known.sha256)
    return module, about, text
