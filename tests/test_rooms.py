"""The picture of the rooms in docs/design.md is the one that the imports of today give."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_picture_of_the_rooms_is_true() -> None:
    drawn = runpy.run_path(str(ROOT / "docs/draw_rooms.py"))["svg"]()
    assert drawn == (ROOT / "docs/pictures/rooms.svg").read_text(), "run `python docs/draw_rooms.py`"
