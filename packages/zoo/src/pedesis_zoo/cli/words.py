"""What is on the command line before any command reads it: the field's words, and modules of your own."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from pedesis.utils.aliases import name_of

IMPORT = "--import"
OPTIONS = ("guidance", "steps", "sampler", "grid", "seed", "interval")
"""Options that may be written in the field's words, such as --guidance-scale and --num_inference_steps."""


def in_our_words(arguments: Sequence[str]) -> list[str]:
    """The arguments with the field's words replaced, and every --import in front, where it is read first."""
    first: list[str] = []
    rest: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        option, equals, value = argument.partition("=")
        if option == IMPORT:
            first += [IMPORT, value if equals else next(waiting, "")]
        else:
            rest.append(_translated(option) + equals + value)
    return [*first, *rest]


def _translated(option: str) -> str:
    name = name_of("setting", option[2:]) if option.startswith("--") else None
    return f"--{name}" if name in OPTIONS else option


def import_module(name: str) -> None:
    """Import a module by name, also from the present folder, or a file `.../own.py`.

    Raises:
        ValueError: there is none, or importing it fails.
    """
    path = Path(name)
    try:
        if path.suffix == ".py":
            _run(path)
        else:
            sys.path.insert(0, "")
            importlib.import_module(name)
    except Exception as error:
        raise ValueError(f"{IMPORT} {name} failed: {type(error).__name__}: {error}") from error


def _run(path: Path) -> None:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
