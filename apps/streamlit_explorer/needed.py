"""What takes time: imports, so that they can be made before they are asked for, what holds their place, and Plotly."""

from __future__ import annotations

import importlib
import math
from functools import lru_cache

PAGES = ("plotly.graph_objects", "pedesis.lessons.sampling", "pedesis_zoo")
SOME = ("pedesis_zoo.generation.sampling", "pedesis.lessons.training", "torch._dynamo")  # an optimizer asks for it

head_start = 0.0
"""Seconds between a visitor's first plot and whatever follows it; `server.py` sets them. A browser reads Plotly for
about so long, and would draw all that comes meanwhile at once: the first plot would be seen as late as the last."""

last_visit = -math.inf
"""When a visitor last asked for anything, by `time.monotonic`."""


@lru_cache
def load() -> None:
    """Import what nearly every page imports: torch above all. Another thread that is at it is waited for."""
    for name in PAGES:
        importlib.import_module(name)


@lru_cache
def load_more() -> None:
    """Import what some pages import."""
    for name in SOME:
        importlib.import_module(name)


def skeleton(height: int = 22) -> str:
    """What holds the place of something that is not there yet, so many lines high."""
    return f'<div class="skeleton" style="height: {height}rem" role="status" aria-label="Being computed"></div>'


def loaded() -> bool:
    """Whether `load` has ended."""
    return load.cache_info().currsize > 0
