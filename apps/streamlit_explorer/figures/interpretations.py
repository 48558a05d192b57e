"""Charts of the page on the three interpretations."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from figures.plane import arrows, plane, tint
from figures.style import ACCENT, GRAY, LOG, PALETTE, WARM, chart, mark
from pedesis.lessons.interpretations import TIMES, Answer, Line, Posterior, losses, names
from pedesis.lessons.schedules import Values

PART = 0.35
"""The part of the way to x_0 that is drawn."""


def color(name: str) -> str:
    """The color of a parameterization, the same in all charts."""
    return PALETTE[names().index(name) % len(PALETTE)]


def shrink(now: Answer) -> float:
    """The scale at which answers are drawn: all but the longest are shorter than the distance of two points."""
    longest = float(np.quantile(np.linalg.norm(now.said, axis=-1), 0.9))
    return float(now.x[1] - now.x[0]) / longest if longest > 0 else 1.0


def said(now: Answer, name: str, x: Values, law: Values) -> go.Figure:
    """What the network answers, at the scale of `shrink`."""
    figure = plane(430).add_trace(tint(x, law, "q(x_t)"))
    figure.add_trace(arrows(_points(now), shrink(now) * now.said.reshape(-1, 2), f"answer: {name}", color(name)))
    return figure.update_layout(showlegend=True)


def meant(now: Answer, name: str, x: Values, law: Values) -> go.Figure:
    """From x_t towards the x_0 that the answer means, over the same arrows in closed form."""
    at, figure = _points(now), plane(430)
    figure.add_trace(tint(x, law, "q(x_t)"))
    for field, label, hue, width in (
        (now.exact, "E[x_0 | x_t] itself", GRAY, 4.0),
        (now.meant, f"from {name}", color(name), 1.5),
    ):
        figure.add_trace(arrows(at, PART * (field.reshape(-1, 2) - at), label, hue, width))
    return figure.update_layout(showlegend=True)


def _points(now: Answer) -> Values:
    x, y = (c.ravel() for c in np.meshgrid(now.x, now.x))
    return np.stack([x, y], 1)


def score(now: Line, x_t: float) -> go.Figure:
    """The law of x_t and its score, with a line at x_t."""
    figure = chart("x_t", "density, score / 10", height=300)
    figure.add_scatter(x=now.x, y=now.law, name="q(x_t)", line={"color": ACCENT})
    figure.add_scatter(x=now.x, y=now.score / 10, name="score / 10", line={"color": color("score")})
    mark(figure, x_t, WARM)
    return figure.update_yaxes(range=[-1, 1.05 * max(1.0, float(now.law.max()))])


def mean(now: Line, x_t: float, x0: float) -> go.Figure:
    """E[x_0 | x_t] over x_t, and the present point."""
    figure = chart("x_t", "E[x_0 | x_t]", height=300)
    figure.add_scatter(x=now.x, y=now.mean, name="Tweedie", line={"color": color("x0")})
    figure.add_scatter(x=now.x, y=now.x, name="x_t itself", line={"color": GRAY, "dash": "dot"})
    look = {"size": 12, "color": WARM, "symbol": "diamond"}
    figure.add_scatter(x=[x_t], y=[x0], name="now", mode="markers", marker=look)
    return figure.update_yaxes(range=[-3, 3])


def posterior(now: Posterior, data: Line) -> go.Figure:
    """All x_0 that x_t may stand for, with their mean, over the law of the data."""
    figure = chart("x_0", "density", height=300)
    figure.add_scatter(x=data.x, y=data.data, name="p(x_0)", line={"color": GRAY, "dash": "dot"})
    figure.add_scatter(x=now.x0, y=now.density, name="p(x_0 | x_t)", line={"color": ACCENT})
    top = 1.08 * min(3.0, float(max(now.density.max(), data.data.max())))
    mean = {"color": WARM, "width": 2}
    figure.add_scatter(x=[now.by_tweedie] * 2, y=[0, top], name="its mean", mode="lines", line=mean)
    return figure.update_xaxes(range=[-3, 3]).update_yaxes(range=[0, top])


def amplified(curves: Mapping[str, tuple[Values, Values]], which: int) -> go.Figure:
    """What an error of 1 in each answer becomes in x_0 (0) or in eps (1), over t."""
    figure = chart("t", f"error of {('x_0', 'eps')[which]}", height=320)
    for name, values in curves.items():
        dash = "dot" if name == "flow" else "solid"
        figure.add_scatter(x=TIMES, y=values[which], name=name, line={"color": color(name), "dash": dash})
    return _powers(figure, -3, 3)


def weights(curves: Mapping[str, Values], measured: str) -> go.Figure:
    """The weight of each loss on a squared error of one answer, over t."""
    figure = chart("t", f"weight of the error of {measured}", height=340)
    for name, values in curves.items():
        figure.add_scatter(x=TIMES, y=values, name=name, line={"color": PALETTE[losses().index(name) % len(PALETTE)]})
    return _powers(figure, -4, 5)


def step_weights(t: Values, curves: Mapping[str, Values]) -> go.Figure:
    """What a squared error of each interpretation costs in the KL of a step, over t."""
    figure = chart("t", "nats per squared error", height=340)
    for name, values in curves.items():
        figure.add_scatter(x=t, y=values, name=name, line={"color": color(name)})
    return figure.update_yaxes(**LOG, dtick=2)


def _powers(figure: go.Figure, low: float, high: float) -> go.Figure:
    return figure.update_yaxes(**LOG, range=[low, high], dtick=1)
