"""What the commands share."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

Name = Annotated[str, typer.Argument(help="a name from `list`, or a path to a weight file", metavar="MODEL")]
Device = Annotated[str, typer.Option(help="cpu, cuda, mps; auto: the best there is")]
Threads = Annotated[int, typer.Option(min=0, help="processor threads to use; 0 for all")]


def found(device: str) -> Any:
    """The device of a name; says in one sentence which one "auto" took, where there was a choice."""
    from pedesis.utils.device import announced, find_device

    place = find_device(device)
    if place.type != "cpu" and (sentence := announced(device, place)):
        print(sentence, file=sys.stderr)
    return place
