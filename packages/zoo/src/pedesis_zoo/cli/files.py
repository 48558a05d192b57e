"""Models as files: what leaves the package, and, for maintainers, what goes into it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pedesis_zoo.cli.options import Name


def export(
    name: Name,
    out: Annotated[Path, typer.Option(help="file to write")],
    to: Annotated[str, typer.Option(help="format: onnx")] = "onnx",
    part: Annotated[str | None, typer.Option(help="generator (of a student), denoiser or classifier")] = None,
    bits: Annotated[int, typer.Option(help="of the weights: 16 or 8")] = 16,
    steps: Annotated[int | None, typer.Option(help="steps of a generator")] = None,
) -> None:
    """Write a model as one file that needs neither torch nor this package.

    For one picture at a time ONNX Runtime is about twice as fast as torch; for many, torch in bf16 is the faster
    (docs/benchmarks.md).
    """
    from pedesis.utils.registry import UnknownName
    from pedesis_zoo import export as formats

    if to not in formats.__all__:
        raise UnknownName("format", to, formats.__all__)
    written = getattr(formats, to)(name, out, part, bits, steps)
    print(f"{written}: {written.stat().st_size / 1e6:.1f} MB")


def page(out: Annotated[Path, typer.Option(help="folder to write")]) -> None:
    """Write a page that draws in the browser, for any host of static files. Needs npm once."""
    from pedesis_zoo.export.page import page as write

    written = write(out)
    size = sum(path.stat().st_size for path in written.rglob("*") if path.is_file())
    print(f"{written}: {size / 1e6:.1f} MB; to look at it: python -m http.server --directory {written}")


def pack(names: Annotated[list[str] | None, typer.Argument(help="models; all by default")] = None) -> None:
    """Publish models of the package anew from their own weights, in 8 bits (for maintainers)."""
    from pedesis_zoo.models.registry import WEIGHTS, folder_of, list_models, recipe
    from pedesis_zoo.training import publishing

    for name in names or [each for each in list_models() if recipe(each).kind not in publishing.FEATURE_EXTRACTORS]:
        weights = folder_of(name) / WEIGHTS
        publishing.publish(name, weights)
        print(f"{name}: {weights.stat().st_size / 1e6:.1f} MB; card in {publishing.write_card(name)}")
