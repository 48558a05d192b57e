"""Charts of the page on what goes wrong."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from figures.plane import plane
from figures.style import ACCENT, GRAY, WARM, chart
from pedesis.lessons.plane import EXTENT
from pedesis.lessons.what_goes_wrong import Wrong


def samples(now: Wrong) -> go.Figure:
    """The points of right and of wrong code, from the same noise."""
    figure = plane()
    for points, name, hue in ((now.right_samples, "right code", GRAY), (now.samples, "with the mistake", WARM)):
        look = {"size": 4, "color": hue, "opacity": 0.7}
        figure.add_scatter(x=points[:, 0], y=points[:, 1], name=name, mode="markers", marker=look)
    return figure


def outside(now: Wrong) -> int:
    """How many points of wrong code are not in the picture."""
    return len(now.right_samples) - int((np.abs(now.samples) <= EXTENT).all(1).sum())


def factor(now: Wrong) -> go.Figure:
    """The factor that gives it away, at every step."""
    figure = chart("t", f"factor of {now.role}", height=440)
    figure.add_scatter(x=now.t, y=now.right_factor, name="right", line={"color": ACCENT})
    return figure.add_scatter(x=now.t, y=now.factor, name="with the mistake", line={"color": WARM, "dash": "dash"})
