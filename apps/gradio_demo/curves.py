"""Curves of shares, 0 to 1, as HTML: in the page's own colors, light or dark, and with its letters at any width."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from words import in_html

Curves = Mapping[str, Sequence[tuple[float, float]]]
"""Points (x, share) by the name of their curve; x rises, and some x differ."""
COLORS = ("#8b7cf0", "#e8833a", "#17a589")  # legible on light and dark ground
DASHES = ("none", "7 4", "2 4")
TICKS = 10  # at most


def chart(curves: Curves, title: str, x: str) -> str:
    """A line for each curve, its points marked and labeled, over a plane with its ticks and a legend below.

    Args:
        title, x: of the figure, and of the axis below it.
    """
    low, high = (end(at for line in curves.values() for at, _ in line) for end in (min, max))

    def across(at: float) -> float:
        return round(100 * (at - low) / (high - low), 2)

    lines, dots, legend, told = [], [], [], []
    for (name, points), color, dash in zip(curves.items(), COLORS, DASHES, strict=False):
        path = " ".join(f"{across(at)},{100 - 100 * share:.4g}" for at, share in points)
        look = f'stroke="{color}" stroke-dasharray="{dash}"'
        lines.append(f'<polyline points="{path}" {look} vector-effect="non-scaling-stroke"/>')
        for at, share in points:
            place = f"left: {across(at)}%; bottom: {100 * share:.4g}%; background: {color}"
            dots.append(f'<i style="{place}" title="{escape(f"{name}: {share:.3g} at {x} {at:g}")}"></i>')
        key = f'<svg viewBox="0 0 28 8"><path d="M0 4H28" {look}/></svg>'
        legend.append(f"<li>{key} {in_html(name)}</li>")
        told.append(f"{name} " + ", ".join(f"{share:.3g} at {at:g}" for at, share in points))
    across_ticks = [f'<b class="x" style="left: {across(at)}%">{at:g}</b>' for at in ticks(low, high)]
    up_ticks = [f'<b class="y" style="bottom: {100 * share:g}%">{share:g}</b>' for share in (0, 0.25, 0.5, 0.75, 1)]
    words = escape(f"{title}, by {x}: " + "; ".join(told))
    return (
        f'<figure class="chart"><figcaption>{in_html(title)}</figcaption>'
        f'<div class="plane" role="img" aria-label="{words}">'
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none">{"".join(lines)}</svg>'
        f"{''.join(up_ticks + across_ticks + dots)}</div><p>{in_html(x)}</p><ul>{''.join(legend)}</ul></figure>"
    )


def ticks(low: float, high: float) -> list[float]:
    """At most `TICKS` multiples of 1, 2 or 5 times a power of ten, from `low` to `high`."""
    power = 10.0 ** math.floor(math.log10((high - low) / TICKS))
    step = next(power * k for k in (1, 2, 5, 10, 20) if (high - low) / (power * k) < TICKS)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]
