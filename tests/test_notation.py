"""Every name of ours in the table of docs/notation.md exists."""

import pkgutil
import re
from pathlib import Path

import pytest

TABLE = (Path(__file__).parents[1] / "docs/notation.md").read_text().split("## Their name, our name")[1]
OURS = sorted(
    {name for line in TABLE.splitlines() if line.startswith("| ") for name in re.findall(r"`(pedesis[\w.]*)", line)}
)
FIELD = [
    *(
        "image_to_image",
        "inpaint",
        "super_resolution",
        "interpolate",
        "classifier_free",
        "classifier_guidance",
        "invert",
    ),
    *(
        "timesteps",
        "frechet_distance",
        "kernel_distance",
        "precision_recall",
        "bits_per_dim",
        "ema",
        "checkpoint",
        "resume",
    ),
    *("text_encoder", "attribute_classifier", "distillation", "latent"),
]


@pytest.mark.parametrize("name", OURS)
def test_names_of_the_table_exist(name: str) -> None:
    assert pkgutil.resolve_name(name) is not None


@pytest.mark.parametrize("word", FIELD)
def test_a_search_for_the_words_of_the_field_finds_a_definition(word: str) -> None:
    packages = Path(__file__).parents[1] / "packages"
    public = re.compile(rf"^\s*(def|class) (?!_)\w*{word}\w*|^\s*\w*{word}\w*\s*[:=]", re.MULTILINE | re.IGNORECASE)
    assert any(public.search(path.read_text()) or word in path.stem for path in packages.rglob("*.py")), word
