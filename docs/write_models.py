"""Writes docs/models.md: every published model in a line, and the curves that were measured. `make cards` runs it."""

from __future__ import annotations

import re
from pathlib import Path

from pedesis_zoo.models.measurements import Numbers, curves_of, load_numbers
from pedesis_zoo.models.registry import MODELS, WEIGHTS, list_models, recipe
from pedesis_zoo.training.publishing import curve_text

ROOT = Path(__file__).parents[1]
FOLDER = f"../{MODELS.relative_to(ROOT).as_posix()}"
HEADLINES = (
    "Frechet distance",
    "class accuracy",
    "mentions right",
    "visible attributes right, held-out",
    "test accuracy",
    "accuracy at log-SNR 0",
    "energy distance to fresh data",
    "class accuracy, by nearest training pictures",
    "bits per dimension, bound of 100 steps",
    "PSNR, {model}",
    "PSNR, bicubic",
)
"""What is said of a model in its line, as far as it was measured: the first command on its card says how."""


def line(name: str) -> str:
    """A model's row of the table."""
    known, results = recipe(name), load_numbers(name)
    command, first = next(iter(results.items()))
    keys = [key.format(model=name) for key in HEADLINES]
    shown = [f"{key} {first[key][0]:.3g}{beside(key, first)}" for key in keys if key in first]
    if number := re.search(r"-n (\d+)", command):
        shown.append(f"n = {int(number[1]):,}")
    size = (MODELS / name / WEIGHTS).stat().st_size / 1e6
    return f"| [{name}]({FOLDER}/{name}/card.md) | {known.title} | {size:.1f} | {'; '.join(shown)} |"


def beside(key: str, numbers: Numbers) -> str:
    """The same for real pictures, if it was measured: distances depend on n, and nothing is perfect."""
    real = [each for each in numbers if each.startswith((f"{key} of real", f"{key}, real"))]
    return f" (real pictures {numbers[real[0]][0]:.3g})" if real else ""


def models() -> str:
    """The document."""
    parts = [
        "# Models",
        "What `pedesis_zoo.load` finds in the package. The link of each leads to its card, which holds every number "
        "with the command that repeats it. Written by `make cards`; do not edit.",
        "| model | what | MB | measured |\n|---|---|---|---|\n" + "\n".join(map(line, list_models())),
    ]
    for name in list_models():
        if curves := curves_of(name):
            parts += [f"# Curves of {name}"]
            parts += [curve_text(name, curve).replace("](curves/", f"]({FOLDER}/{name}/curves/") for curve in curves]
    return "\n\n".join(parts) + "\n"


DOCUMENTS = {"models.md": models}

if __name__ == "__main__":
    for name, write in DOCUMENTS.items():
        (ROOT / "docs" / name).write_text(write())
