"""What shows an erratum: the same quantity three times."""

from __future__ import annotations

from dataclasses import dataclass

from pedesis.lessons.schedules import Values


@dataclass(frozen=True)
class Evidence:
    """What shows an erratum.

    Attributes:
        says: one sentence on what is seen.
        x_name, y_name: of the axes. x: (n,). printed, corrected, really: (n,).
        functions: of the library, "module:name", that give the corrected values.
        logarithmic: whether y is best seen so.
    """

    says: str
    x_name: str
    y_name: str
    x: Values
    printed: Values
    corrected: Values
    really: Values
    functions: tuple[str, ...]
    logarithmic: bool = False
