"""The models in the package: every folder of `models/` that holds a `recipe.py` is one."""

from __future__ import annotations

import fnmatch
import runpy
from functools import cache
from pathlib import Path

from pedesis.registry import UnknownName
from pedesis_zoo.recipes import Recipe

MODELS = Path(__file__).parent / "models"
WEIGHTS, GOLDEN, CARD, METRICS = "weights.safetensors", "golden.safetensors", "card.md", "metrics.json"


def recipes() -> list[str]:
    """Names of all recipes, trained or not."""
    return sorted(folder.parent.name for folder in MODELS.glob("*/recipe.py"))


def list_models(pattern: str = "*", kind: str | None = None) -> list[str]:
    """Names of the trained models that match a shell pattern, and a kind if one is given."""
    trained = [name for name in recipes() if (MODELS / name / WEIGHTS).is_file()]
    matching = [name for name in trained if fnmatch.fnmatch(name, pattern)]
    return [name for name in matching if kind is None or recipe(name).kind == kind]


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


def card(name: str) -> str:
    """The model card, as Markdown. Raises UnknownName."""
    recipe(name)
    path = MODELS / name / CARD
    if not path.is_file():
        raise UnknownName("model card", name, list_models())
    return path.read_text()
