"""What the commands share."""

from typing import Annotated

import typer

Name = Annotated[str, typer.Argument(help="a name from `list`, or a path to a weight file", metavar="MODEL")]
