"""What charts of the plane share: equal axes, fields of arrows, densities as a tint."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from figures.style import chart
from pedesis.lessons.plane import EXTENT
from pedesis.lessons.schedules import Values


def plane(height: int = 440) -> go.Figure:
    """An empty plane with equal axes."""
    figure = chart("first coordinate", "second coordinate", height)
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(range=[-EXTENT, EXTENT], constrain="domain", dtick=1)
    return figure.update_yaxes(range=[-EXTENT, EXTENT], scaleanchor="x", constrain="domain", dtick=1)


def tint(x: Values, density: Values, name: str) -> go.Heatmap:
    """A density on the lattice of an axis, in one pale color that leaves room for what is drawn on it."""
    pale = ((0, "rgba(138, 135, 153, 0)"), (1, "rgba(138, 135, 153, 0.6)"))
    z = density.astype(np.float32)
    look = {"colorscale": pale, "showscale": False, "zsmooth": "best", "hoverinfo": "skip"}
    return go.Heatmap(x=x, y=x, z=z, name=name, zmin=0, zmax=float(z.max()), **look)


def arrows(at: Values, pushes: Values, name: str, color: str, width: float = 1.5) -> go.Scatter:
    """Arrows from points (n, 2) by (n, 2), as one line with gaps."""
    turned = np.stack([-pushes[:, 1], pushes[:, 0]], 1)
    tip = at + pushes
    gap = np.full_like(at, np.nan)
    barbs = [tip - 0.3 * pushes + side * 0.18 * turned for side in (1, -1)]
    line = np.stack([at, tip, barbs[0], tip, barbs[1], gap], 1).reshape(-1, 2)
    return go.Scatter(
        x=line[:, 0], y=line[:, 1], name=name, mode="lines", line={"color": color, "width": width}, hoverinfo="skip"
    )
