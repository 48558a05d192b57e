"""What the commands share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Annotated, Any

import typer

Name = Annotated[str, typer.Argument(help="a name from `list`, or a path to a weight file", metavar="MODEL")]
Device = Annotated[str, typer.Option(help="cpu, cuda, mps; auto: the best there is")]
Palette = Annotated[bool, typer.Option("--palette", help="keep to the colors of the data (pixel art only)")]
Threads = Annotated[int, typer.Option(min=0, help="processor threads to use; 0 for all")]


def found(device: str) -> Any:
    """The device of a name; says in one sentence which one "auto" took, where there was a choice."""
    from pedesis.utils.device import announced, find_device

    place = find_device(device)
    if sentence := announced(device, place):
        print(sentence, file=sys.stderr)
    return place


@contextmanager
def together() -> Iterator[None]:
    """As one of the processes that a launcher started, if it did: only the first of them speaks, unless one fails."""
    if not {"WORLD_SIZE", "SLURM_STEP_NUM_TASKS"} & os.environ.keys():
        yield
        return
    from pedesis.utils.distributed import first
    from pedesis.utils.launch import ranks

    with ranks():
        if first():
            yield
            return
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
            yield
