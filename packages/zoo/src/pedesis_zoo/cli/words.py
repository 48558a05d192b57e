"""What is on the command line before any command reads it: the field's words, and --import in front."""

from __future__ import annotations

from collections.abc import Sequence

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
