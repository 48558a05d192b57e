"""The models: every folder of `models/` that holds a `recipe.py` is one, here and in packages that offer theirs.

A package offers models by an entry point of the group "pedesis_zoo.models" that names a package of its own, whose
folders are made as those here: `recipe.py`, `weights.safetensors`, `card.md`. It is found, not imported.
"""

from __future__ import annotations

import fnmatch
import importlib.util
import os
import runpy
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from pedesis.utils.registry import UnknownName
from pedesis_zoo.models.recipe import KINDS, Recipe
from pedesis_zoo.models.remote import hub_file, is_remote

MODELS = Path(__file__).parent
ENTRY_POINTS = "pedesis_zoo.models"
WEIGHTS, GOLDEN, CARD, METRICS = "weights.safetensors", "golden.safetensors", "card.md", "metrics.json"


def recipes() -> list[str]:
    """Names of all recipes, trained or not."""
    return sorted(_folders())


def folder_of(name: str) -> Path:
    """The folder of a model. Raises UnknownName, with the nearest known name."""
    folders = _folders()
    if name not in folders:
        raise UnknownName("model", name, list_models())
    return folders[name]


def _folders() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for place in (MODELS, *offered()):
        for path in place.glob("*/recipe.py"):
            other = found.setdefault(path.parent.name, path.parent)
            if other != path.parent:
                raise ValueError(f"two models are named {other.name!r}: in {other} and in {path.parent}; rename one")
    return found


@cache
def offered() -> tuple[Path, ...]:
    """The folders of models in installed packages. Raises ValueError for an entry point that names no package."""
    places: list[Path] = []
    for point in entry_points(group=ENTRY_POINTS):
        try:
            spec = importlib.util.find_spec(point.value)
        except (ImportError, ValueError):
            spec = None
        if spec is None or spec.submodule_search_locations is None:
            raise ValueError(
                f"the entry point {point.name!r} of the group {ENTRY_POINTS!r} names {point.value!r}, "
                "which is no package"
            )
        places += map(Path, spec.submodule_search_locations)
    return tuple(dict.fromkeys(places))


def list_models(pattern: str = "*", kind: str | None = None) -> list[str]:
    """Names of the trained models that match a shell pattern, and a kind if one is given.

    Raises:
        UnknownName: no model can be of that kind; see `pedesis_zoo.models.recipe.KINDS`.
    """
    if kind is not None and kind not in KINDS:
        raise UnknownName("kind of model", kind, KINDS)
    trained = [name for name, folder in sorted(_folders().items()) if (folder / WEIGHTS).is_file()]
    matching = [name for name in trained if fnmatch.fnmatch(name, pattern)]
    return [name for name in matching if kind is None or recipe(name).kind == kind]


def own_file(name_or_path: str | Path) -> Path | None:
    """The weight file of your own that is named: a `Path`, text with a slash or a suffix, or any other file; or that
    of a model on a hub, "hub:OWNER/NAME", fetched if need be.

    None for the name of a model: in a folder that holds a file `digits`, "digits" is the model, "./digits" the file.
    """
    if isinstance(name_or_path, Path):
        return name_or_path
    if is_remote(name_or_path):
        return hub_file(name_or_path)
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
    found = runpy.run_path(str(folder_of(name) / "recipe.py"))["RECIPE"]
    assert isinstance(found, Recipe)
    return found
