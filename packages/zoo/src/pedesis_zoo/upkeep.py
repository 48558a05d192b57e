"""Commands for maintainers: what puts models into the package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def publish(
    name: Annotated[str, typer.Argument(help="a recipe", metavar="MODEL")],
    weights: Annotated[Path, typer.Option(help="weight file to publish")],
) -> None:
    """Put a trained weight file into the package (for maintainers): hash, golden output, picture and card."""
    from pedesis_zoo import publishing

    publishing.publish(name, weights)
    print(f"published {name}; card in {publishing.write_card(name)}")


def pack(names: Annotated[list[str] | None, typer.Argument(help="models; all by default")] = None) -> None:
    """Publish models of the package anew from their own weights, in 8 bits (for maintainers)."""
    from pedesis_zoo import publishing
    from pedesis_zoo.registry import MODELS, WEIGHTS, list_models, recipe

    for name in names or [each for each in list_models() if recipe(each).kind not in publishing.JUDGES]:
        publishing.publish(name, MODELS / name / WEIGHTS)
        print(f"{name}: {(MODELS / name / WEIGHTS).stat().st_size / 1e6:.1f} MB; card in {publishing.write_card(name)}")


def cards() -> None:
    """Write all model cards anew from the recipes and the kept measurements (for maintainers)."""
    from pedesis_zoo.publishing import write_card
    from pedesis_zoo.registry import list_models

    for name in list_models():
        print(write_card(name))
