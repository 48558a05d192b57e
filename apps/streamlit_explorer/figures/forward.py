"""Charts of the page on the forward process."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from figures.style import ACCENT, GRAY, WARM, chart, mark
from pedesis.lessons.forward import Histogram
from pedesis.lessons.schedules import Curves


def position(curves: Curves, t: float) -> go.Figure:
    """Where t is on the signal and noise amplitudes of one schedule."""
    figure = chart("t", "amplitude", height=230)
    t_axis = np.concatenate([[0.0], curves.t])
    for label, power, first, hue in (("signal", curves.signal, 1.0, ACCENT), ("noise", curves.noise, 0.0, WARM)):
        figure.add_scatter(x=t_axis, y=np.sqrt(np.concatenate([[first], power])), name=label, line={"color": hue})
    mark(figure, t)
    return figure.update_yaxes(range=[-0.03, 1.05])


def noise_histogram(histogram: Histogram) -> go.Figure:
    """Measured densities of the added noise over the standard normal."""
    figure = chart("added noise", "density", height=260)
    for (name, density), hue in zip(histogram.measured.items(), (ACCENT, WARM), strict=False):
        figure.add_scatter(x=histogram.centers, y=density, name=name, line={"color": hue, "shape": "hvh", "width": 1.5})
    figure.add_scatter(x=histogram.centers, y=histogram.normal, name="N(0, 1)", line={"color": GRAY, "dash": "dot"})
    return figure.update_yaxes(range=[0, 0.45])
