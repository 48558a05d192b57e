"""What charts of a density over time and position share."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from figures.style import GRAY, chart, color_bar, heat
from pedesis.lessons.schedules import Values


def field(
    times: Values, positions: Values, density: Values, brightest: float, shown: float, labels: tuple[str, str]
) -> go.Figure:
    """A density (positions, times) as colors, from -shown to shown; the last color is for `brightest` and above."""
    figure = chart(*labels, height=340)
    say = "time %{x:.2f}, place %{y:.2f}: density %{z:.3f}"
    heat(figure, times, positions, density, "density", say, zmax=brightest, colorbar=color_bar("density"))
    return figure.update_layout(hovermode="closest", showlegend=False).update_yaxes(range=[-shown, shown])


def trails(figure: go.Figure, times: Values, paths: Values) -> go.Figure:
    """Add paths (times, count), as one curve with gaps."""
    gap = np.full((1, paths.shape[1]), np.nan)
    x, y = np.tile([*times, np.nan], paths.shape[1]), np.concatenate([paths, gap]).T.ravel()
    line = {"color": GRAY, "width": 1}
    return figure.add_scatter(x=x, y=y, name="paths", mode="lines", line=line, opacity=0.75, hoverinfo="skip")
