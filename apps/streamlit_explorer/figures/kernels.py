"""Charts of the page on diffusion kernels."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from figures.field import field, trails
from figures.plane import plane
from figures.style import ACCENT, GRAY, PALETTE, WARM, animate, chart, heat, mark
from pedesis.lessons.kernels import SHOWN, Circles, Cloud, Field, Merge, Slice, times
from pedesis.lessons.schedules import Values

HUES = [PALETTE[i] for i in (0, 4, 2, 5, 1, 3)]
"""Around the circle and back to the first."""

BRIGHTEST = 1.0
"""Density drawn in the last color: the standard normal reaches 0.4, a spike far more."""


def over_time(density: Field, paths: Values, t: float) -> go.Figure:
    """A density over time and position, with some paths through it and a line at t."""
    figure = field(density.t, density.x, density.density, BRIGHTEST, SHOWN, ("t", "x_t"))
    return mark(trails(figure, times(), paths), t, WARM)


def slices(at: Slice) -> go.Figure:
    """Densities at one time."""
    figure = chart("x_t", "density", height=300)
    figure.add_scatter(x=at.x, y=at.kernel, name="q(x_t | x_0)", line={"color": WARM})
    figure.add_scatter(x=at.x, y=at.law, name="q(x_t)", line={"color": ACCENT})
    figure.add_scatter(x=at.x, y=at.normal, name="N(0, 1)", line={"color": GRAY, "dash": "dot"})
    return figure.update_yaxes(range=[0, _top(at.kernel, at.law)])


def merging(merge: Merge) -> go.Figure:
    """The kernels of several starting points on top of each other, and the law that their average tends to."""
    figure = chart("x_t", "density", height=320)
    for i, (start, kernel) in enumerate(zip(merge.starts, merge.kernels, strict=True)):
        hue = PALETTE[i % len(PALETTE)]
        name = f"from {start:.2f}"
        figure.add_scatter(x=merge.x, y=kernel, name=name, stackgroup="kernels", line={"color": hue, "width": 0.5})
    figure.add_scatter(x=merge.x, y=merge.law, name="q(x_t)", line={"color": GRAY, "dash": "dot"})
    return figure.update_layout(showlegend=False).update_yaxes(range=[0, _top(merge.average, merge.law)])


def forgetting(times: Values, bits: Values, count: int, t: float) -> go.Figure:
    """How much x_t still tells of its starting point, over t."""
    figure = chart("t", "bits about the starting point", height=320)
    figure.add_scatter(x=times, y=bits, name="I(n; x_t)", line={"color": ACCENT})
    most = [np.log2(count)] * 2
    figure.add_scatter(x=[0, 1], y=most, name="log2 N", mode="lines", line={"color": GRAY, "dash": "dot"})
    return mark(figure, t, WARM).update_yaxes(range=[-0.05 * most[0] - 0.05, 1.1 * most[0] + 0.05])


def cloud(points: Cloud) -> go.Figure:
    """Points that flow from the data to noise: an animation, colored by the direction in which each began."""
    figure = plane(540)
    moved = points.points.astype(np.float32)
    direction = np.arctan2(moved[0, :, 1], moved[0, :, 0])
    look = {
        "size": 4,
        "opacity": 0.8,
        "color": direction,
        "cmin": -np.pi,
        "cmax": np.pi,
        "colorscale": [*HUES, HUES[0]],
    }
    figure.add_scatter(name="points", mode="markers", marker=look, hoverinfo="skip", **_xy(moved[0]))
    return animate(figure, [[go.Scatter(_xy(now))] for now in moved], [f"t = {t:.2f}" for t in points.t])


def circles(now: Circles) -> go.Figure:
    """The density in the plane, and two standard deviations of a few kernels."""
    figure = plane(460)
    say = "(%{x:.2f}, %{y:.2f}): density %{z:.3f}"
    heat(figure, now.axis, now.axis, now.density, "density", say, showscale=False)
    angle = np.linspace(0, 2 * np.pi, 91)
    for i, (x, y) in enumerate(now.centers):
        around = 2 * now.radius * np.stack([np.cos(angle), np.sin(angle)])
        line = {"color": PALETTE[(i + 1) % len(PALETTE)], "width": 2}
        figure.add_scatter(x=x + around[0], y=y + around[1], name=f"kernel {i + 1}", mode="lines", line=line)
    return figure.update_layout(showlegend=False)


def _xy(points: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """(n, 2) positions as the x and y of a trace."""
    return {"x": points[:, 0], "y": points[:, 1]}


def _top(*densities: Values) -> float:
    """The end of a density axis: no higher than 2, so that a spike does not flatten the rest."""
    return 1.08 * min(2.0, max(0.45, *(float(d.max()) for d in densities)))
