"""The classic mistakes, each found in public code: what one sees, what is wrong, and the wrong and right line.

`CATALOGUE[name]` is an `Entry`. An entry with `lines` is a wrong formula and is recognized by its numbers; the
others are mistakes of behavior. This room knows the textbook (`pedesis.doctor.formulas`) and nothing else.
"""

from pedesis.doctor.catalogue.behavior import BEHAVIOR_ENTRIES
from pedesis.doctor.catalogue.entry import Entry
from pedesis.doctor.catalogue.formulas import FORMULA_ENTRIES
from pedesis.doctor.catalogue.sigmas import SIGMA_ENTRIES
from pedesis.doctor.catalogue.surroundings import SURROUNDINGS_ENTRIES

CATALOGUE: dict[str, Entry] = {
    e.name: e for e in (*FORMULA_ENTRIES, *SIGMA_ENTRIES, *BEHAVIOR_ENTRIES, *SURROUNDINGS_ENTRIES)
}
"""Every entry by its name."""

__all__ = ["CATALOGUE", "Entry"]
