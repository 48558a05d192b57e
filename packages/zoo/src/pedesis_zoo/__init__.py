"""Pretrained diffusion models that fit in the package.

    import pedesis_zoo as zoo

    zoo.list_models()                                        # names
    zoo.card("fashion-mnist")                                # what it is, what it can do, measured
    model = zoo.load("fashion-mnist")                        # or a path to a weight file
    pixels = zoo.sample(model, "sneaker", seeds=range(9))    # uint8 (9, 28, 28, 1)
    for snapshot in zoo.generate(model, "bag", seeds=[1]):   # the same, step by step
        ...
    found = zoo.invert(model, pixels, "sneaker")             # the noise of pictures, and how well it gives them back
    mine = zoo.train("FOLDER", minutes=60, size=32)          # your own pictures; start="fashion-mnist" fine-tunes
    mine.save("mine.safetensors")
    zoo.arena.compare("mine.py")                             # a sampler of your own beside all of ours

Listing models and reading cards does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pedesis_zoo.models.cards import card
from pedesis_zoo.models.registry import list_models, recipe

if TYPE_CHECKING:
    from pedesis_zoo.evaluation import arena
    from pedesis_zoo.evaluation.comparison import compare, evaluate
    from pedesis_zoo.evaluation.likelihood import bits_per_dim
    from pedesis_zoo.generation.inversion import Inversion, invert
    from pedesis_zoo.generation.pipeline import Snapshot
    from pedesis_zoo.generation.points import sample_points
    from pedesis_zoo.generation.sampling import generate, sample, seeds_from
    from pedesis_zoo.models.loading import ImageModel, PointModel, load, load_points
    from pedesis_zoo.training.fine_tuning import trainable
    from pedesis_zoo.training.own_data import train

__all__ = [
    "ImageModel",
    "Inversion",
    "PointModel",
    "Snapshot",
    "arena",
    "bits_per_dim",
    "card",
    "compare",
    "evaluate",
    "generate",
    "invert",
    "list_models",
    "load",
    "load_points",
    "recipe",
    "sample",
    "sample_points",
    "seeds_from",
    "train",
    "trainable",
]
__version__ = "0.1.0"

_LATER = {
    "arena": "evaluation.arena",
    "Inversion": "generation.inversion",
    "Snapshot": "generation.pipeline",
    "bits_per_dim": "evaluation.likelihood",
    "invert": "generation.inversion",
    "sample_points": "generation.points",
    "train": "training.own_data",
    "trainable": "training.fine_tuning",
    **dict.fromkeys(("compare", "evaluate"), "evaluation.comparison"),
    **dict.fromkeys(("ImageModel", "PointModel", "load", "load_points"), "models.loading"),
    **dict.fromkeys(("generate", "sample", "seeds_from"), "generation.sampling"),
}


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is first asked for."""
    if name not in _LATER:
        raise AttributeError(f"module 'pedesis_zoo' has no attribute {name!r}")
    import importlib

    module = importlib.import_module(f"pedesis_zoo.{_LATER[name]}")
    value = module if name == "arena" else getattr(module, name)
    globals()[name] = value
    return value
