"""Charts of the page on training."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import plotly.graph_objects as go

from figures.plane import plane
from figures.style import ACCENT, GRAY, WARM, chart
from pedesis.lessons.schedules import Values
from pedesis.lessons.training import centers


def pad(drawn: Collection[int]) -> go.Figure:
    """All cells of a drawing, those that are drawn in color; a lasso or a click chooses more."""
    figure = plane(420)
    at = centers()
    chosen = np.isin(np.arange(len(at)), list(drawn))
    look = {"size": np.where(chosen, 9, 4), "color": np.where(chosen, ACCENT, GRAY), "opacity": 0.9}
    figure.add_scatter(x=at[:, 0], y=at[:, 1], name="cells", mode="markers", marker=look, hoverinfo="none")
    figure.update_traces(unselected={"marker": {"opacity": 0.9}})
    return figure.update_layout(dragmode="lasso", showlegend=False)


def loss(steps: Values, losses: Values, least: float, planned: int) -> go.Figure:
    """The loss over the steps, and the least that there is."""
    figure = chart("step", "loss", height=460)
    figure.add_scatter(x=steps, y=losses, name="network", mode="lines", line={"color": WARM, "width": 2.5})
    floor = {"color": GRAY, "dash": "dot"}
    figure.add_scatter(x=[0, planned], y=[least] * 2, name="exact denoiser", mode="lines", line=floor)
    figure.update_xaxes(range=[0, planned])
    top = losses.max(initial=1)
    return figure.update_yaxes(range=[least - 0.3 * (top - least), top + 0.1 * (top - least)])
