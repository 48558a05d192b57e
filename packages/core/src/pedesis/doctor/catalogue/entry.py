"""What an entry of the catalogue is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A classic mistake.

    Attributes:
        name: by which a report names it.
        where: the functions in which it is looked for.
        symptom: what one sees. cause: what is wrong, as a clause. source: where it was found.
        lines: each a way to make it: symbol of a textbook formula -> the wrong expression (`pedesis.doctor.formulas`).
            Empty for a mistake of behavior, which no coefficient shows.
        rewrites: more ways: (symbol, what its right line has, what is written instead).
        wrong, right: a mistake of behavior and its cure, as code.
        level: "error", or "warning" where it may be meant.
    """

    name: str
    where: tuple[str, ...]
    symptom: str
    cause: str
    source: str
    lines: tuple[Mapping[str, str], ...] = ()
    rewrites: tuple[tuple[str, str, str], ...] = ()
    wrong: str = ""
    right: str = ""
    level: str = "error"

    def ways(self, lines: Mapping[str, str]) -> list[dict[str, str]]:
        """The ways to make this mistake in a formula of these lines: the symbols that change, and their wrong lines."""
        written = [*self.lines, *({s: lines[s].replace(old, new)} for s, old, new in self.rewrites if s in lines)]
        changed = [{s: line for s, line in way.items() if s in lines and lines[s] != line} for way in written]
        return [way for way in changed if way]
