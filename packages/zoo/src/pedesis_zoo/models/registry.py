"""The models in the package: every folder of `models/` that holds a `recipe.py` is one."""

from __future__ import annotations

import fnmatch
import os
import runpy
from functools import cache
from pathlib import Path

from pedesis.utils.registry import UnknownName
from pedesis_zoo.models.recipe import KINDS, Recipe

MODELS = Path(__file__).parent
WEIGHTS, GOLDEN, CARD, METRICS = "weights.safetensors", "golden.safetensors", "card.md", "metrics.json"


def recipes() -> list[str]:
    """Names of all recipes, trained or not."""
    return sorted(folder.parent.name for folder in MODELS.glob("*/recipe.py"))


def list_models(pattern: str = "*", kind: str | None = None) -> list[str]:
    """Names of the trained models that match a shell pattern, and a kind if one is given.

    Raises:
        UnknownName: no model can be of that kind; see `pedesis_zoo.models.recipe.KINDS`.
    """
    if kind is not None and kind not in KINDS:
        raise UnknownName("kind of model", kind, KINDS)
    trained = [name for name in recipes() if (MODELS / name / WEIGHTS).is_file()]
    matching = [name for name in trained if fnmatch.fnmatch(name, pattern)]
    return [name for name in matching if kind is None or recipe(name).kind == kind]


def own_file(name_or_path: str | Path) -> Path | None:
    """The weight file of your own that is named: a `Path`, text with a slash or a suffix, or any other file.

    None for the name of a model: in a folder that holds a file `digits`, "digits" is the model, "./digits" the file.
    """
    if isinstance(name_or_path, Path):
        return name_or_path
    path = Path(name_or_path)
    if Path(name_or_path).name != name_or_path or path.suffix:
        return path
    return path if name_or_path not in recipes() and os.path.exists(path) else None


def weight_files(folder: Path) -> dict[str, Path]:
    """Weight files of your own, by file name; checkpoints are none. Raises ValueError if there is no such folder."""
    if not folder.is_dir():
        raise ValueError(f"--models {folder} is not a folder")
    found = sorted(folder.glob("*.safetensors"))
    return {path.name: path for path in found if not path.stem.endswith(".checkpoint")}


@cache
def recipe(name: str) -> Recipe:
    """The recipe of a model. Raises UnknownName, with the nearest known name."""
    if name not in recipes():
        raise UnknownName("model", name, list_models())
    found = runpy.run_path(str(MODELS / name / "recipe.py"))["RECIPE"]
    assert isinstance(found, Recipe)
    return found
