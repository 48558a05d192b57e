"""`python -m pedesis_zoo arena`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from pedesis_zoo.cli.options import Device, found


def arena(
    mine: Annotated[
        list[str] | None,
        typer.Argument(help="file.py with a sampler, grid, schedule or guidance rule; or its name", metavar="MINE"),
    ] = None,
    model: Annotated[str, typer.Option(help="model of pictures, or a weight file; none for no pictures")] = "digits",
    against: Annotated[
        str | None, typer.Option(help="what pictures are held against: a data set of `data`, or a folder")
    ] = None,
    data: Annotated[
        list[str] | None, typer.Option(help="mixture: ring, moons, spiral, grid; none to leave them out")
    ] = None,
    budget: Annotated[list[int] | None, typer.Option(help="number of evaluations; may be given again")] = None,
    guidance: Annotated[list[float] | None, typer.Option(help="scale of guidance rules; may be given again")] = None,
    number: Annotated[int, typer.Option("-n", "--number", min=50, help="how many pictures for each entry")] = 128,
    seed: Annotated[int, typer.Option(help="first seed")] = 10_000,
    csv: Annotated[Path | None, typer.Option(help="CSV file to write")] = None,
    plot: Annotated[Path | None, typer.Option(help="PNG file to write")] = None,
    device: Device = "auto",
) -> None:
    """Measure a sampler, time grid, schedule or guidance rule of your own beside all of ours; about a minute."""
    from pedesis.utils.files import check_writable
    from pedesis_zoo.evaluation import arena as room
    from pedesis_zoo.models.loading import load

    for path, suffix in ((csv, ".csv"), (plot, ".png")):
        if path is not None:
            if path.suffix.lower() != suffix:
                raise ValueError(f"name a file that ends in {suffix}, not {path.name!r}")
            check_writable(path)
    if plot is not None:
        import matplotlib  # noqa: F401  (to say now that it is missing, not after the work)
    outcome = room.compare(
        *(mine or ()),
        data=room.DATA if data is None else [name for name in data if name != "none"],
        model=None if model == "none" else load(model, found(device)),
        against=against,
        budgets=budget or room.BUDGETS,
        scales=guidance or room.SCALES,
        number=number,
        seed=seed,
        command=shlex.join(["python", "-m", "pedesis_zoo", *sys.argv[1:]]),
    )
    print(outcome)
    if csv is not None:
        outcome.save(csv)
    if plot is not None:
        outcome.plot(plot)
