"""`python -m pedesis_zoo evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pedesis_zoo.cli.options import Device, Palette, found

if TYPE_CHECKING:
    from pedesis_zoo.evaluation.metrics import Estimate


def evaluate(
    name: Annotated[
        str | None, typer.Argument(help="a name from `list`, or a path to a weight file", metavar="MODEL")
    ] = None,
    pictures: Annotated[Path | None, typer.Option(help="measure the pictures of this folder, not a model")] = None,
    against: Annotated[
        str | None, typer.Option(help="what to compare with: a data set of `data`, or a folder of pictures")
    ] = None,
    features: Annotated[
        str | None, typer.Option(help="with --against FOLDER: the frozen model whose features are right for it")
    ] = None,
    size: Annotated[int, typer.Option(min=4, max=256, help="side to which two folders are resized")] = 32,
    number: Annotated[int, typer.Option("-n", "--number", min=50, help="how many pictures to draw")] = 2000,
    guidance: Annotated[float | None, typer.Option(help="0 unconditional, 1 plain, more is stronger")] = None,
    steps: Annotated[int | None, typer.Option(help="steps of the sampler")] = None,
    sampler: Annotated[str | None, typer.Option(help="ddpm, ddim, heun, dpm++2m, ...")] = None,
    grid: Annotated[str | None, typer.Option(help="where the steps are: uniform, quadratic, log-snr, rho")] = None,
    interval: Annotated[
        tuple[float, float] | None, typer.Option(help="log-SNR between which guidance above 1 acts")
    ] = None,
    palette: Palette = False,
    seed: Annotated[int, typer.Option(help="first seed")] = 10_000,
    bits: Annotated[bool, typer.Option("--bits", help="bits per dimension of test pictures, by noise level")] = False,
    few_steps: Annotated[
        bool, typer.Option("--few-steps", help="bits per dimension in few steps, by variance and grid")
    ] = False,
    flow: Annotated[bool, typer.Option("--flow", help="bits per dimension by the probability-flow ODE")] = False,
    codecs: Annotated[bool, typer.Option("--codecs", help="what PNG, WebP and JPEG XL need for the test data")] = False,
    curve: Annotated[
        str | None, typer.Option(help="measure a curve instead: evaluations, guidance, conditioning")
    ] = None,
    save: Annotated[bool, typer.Option(help="keep the results for the card")] = False,
    device: Device = "auto",
) -> None:
    """Measure a model: distance to real pictures, precision, recall, class accuracy; or bits per dimension."""
    from pedesis.utils.distributed import first
    from pedesis_zoo.evaluation import images as evaluation
    from pedesis_zoo.evaluation.comparison import compare
    from pedesis_zoo.models.measurements import check_keepable

    if (name is None) == (pictures is None):
        raise ValueError("name a model, or give --pictures FOLDER (one of the two)")
    if pictures is not None:
        if against is None or save:
            raise ValueError("--pictures FOLDER needs --against DATA or FOLDER, and has no card to --save in")
        print(compare(pictures, against, features, size=size))
        return
    assert name is not None
    if save:
        check_keepable(name)
    settings = {"guidance": guidance, "steps": steps, "sampler": sampler, "grid": grid, "interval": interval}
    settings["palette"] = palette or None
    place = found(device)
    if curve is not None:
        _curve(name, curve, number, seed, save, place)
        return
    if bits or few_steps or flow:
        from pedesis_zoo.evaluation.likelihood import evaluate_bits

        command, results = evaluate_bits(name, number, steps, few_steps, flow, save, against, place)
    elif codecs:
        from pedesis_zoo.evaluation.codecs import evaluate_codecs
        from pedesis_zoo.models.loading import known_data, load

        command = f"python -m pedesis_zoo evaluate {name} -n {number} --codecs"
        results = evaluate_codecs(known_data(load(name, "cpu").about), number)
    elif against is not None:
        command, results = _against(name, against, features, number, seed, settings, place)
    else:
        command, results = evaluation.evaluate(name, number, seed, settings, place)
    print(command, *evaluation.lines(results), sep="\n")
    if save and first():
        evaluation.save_results(name, command, results)


def _against(
    name: str, against: str, features: str | None, number: int, seed: int, settings: dict[str, Any], device: Any
) -> tuple[str, dict[str, Estimate]]:
    from pedesis_zoo.evaluation import images as evaluation
    from pedesis_zoo.evaluation.comparison import Comparison, evaluate
    from pedesis_zoo.models.loading import load

    given = {key: value for key, value in settings.items() if value is not None}
    measured = evaluate(load(name, device), against, features, number=number, first_seed=seed, **given)
    assert isinstance(measured, Comparison)
    named = f" --features {features}" if features else ""
    options = evaluation.options(f"--against {against}{named} -n {number} --seed {seed}", given)
    print(measured.features)
    return f"python -m pedesis_zoo evaluate {name} {options}", measured.results


def _curve(name: str, curve: str, number: int, seed: int, save: bool, device: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    from pedesis.utils.distributed import first
    from pedesis.utils.registry import UnknownName
    from pedesis_zoo.evaluation.curves import CURVES
    from pedesis_zoo.models.loading import load
    from pedesis_zoo.models.measurements import save_table

    if curve not in CURVES:
        raise UnknownName("curve", curve, CURVES)
    rows = CURVES[curve](load(name, device), number, seed)
    command = f"python -m pedesis_zoo evaluate {name} -n {number} --seed {seed} --curve {curve}"
    table = Table(*rows[0], title=command)
    for row in rows:
        table.add_row(*(f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row.values()))
    Console().print(table)
    if save and first():
        print(f"kept in {save_table(name, curve, f'{command} --save', rows)}")
