"""Charts of the page on denoising real images."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from figures.style import ACCENT, PALETTE, WARM, chart, mark
from pedesis.lessons.denoising import BANDS
from pedesis.lessons.schedules import Values

CLOCK = "t (noise left, picture right)"


def settled(walks: Mapping[str, tuple[Values, Mapping[str, Values]]], now: float) -> go.Figure:
    """The settled share of each band over time; the first walk solid, the second dotted."""
    figure = chart(CLOCK, "share settled")
    for (walk, (times, shares)), dash in zip(walks.items(), ("solid", "dot"), strict=False):
        for band, share in shares.items():
            hue = PALETTE[list(BANDS).index(band)]
            figure.add_scatter(
                x=times,
                y=share,
                name=f"{band}, {walk}",
                mode="lines+markers",
                line={"color": hue, "dash": dash, "width": 2 if dash == "solid" else 1.5},
                marker={"size": 4},
                legendgroup=band,
                showlegend=dash == "solid",
            )
    return _clock(figure, now).update_yaxes(range=[-0.25, 1.05])


def apart(times: Values, distance: Values, now: float) -> go.Figure:
    """How far two walks' estimates are from each other over time."""
    figure = chart(CLOCK, "rms distance, gray levels")
    figure.add_scatter(
        x=times,
        y=distance,
        name="between the two estimates",
        mode="lines+markers",
        line={"color": WARM, "shape": "hv"},
        marker={"size": 4, "color": ACCENT},
        showlegend=False,
    )
    return _clock(figure, now).update_yaxes(rangemode="tozero")


def _clock(figure: go.Figure, now: float) -> go.Figure:
    mark(figure, now)
    return figure.update_xaxes(range=[1.02, -0.02])
