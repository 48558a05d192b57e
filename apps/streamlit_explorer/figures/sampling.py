"""Charts of the page on the reverse process."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from figures.plane import arrows, plane, tint
from figures.style import ACCENT, GRAY, LOG, PALETTE, WARM, animate, chart, color_bar, heat, mark
from pedesis.lessons.sampling import STEPS, Difference, Law, Walk, moments
from pedesis.lessons.schedules import Values

TRACED = 6
EVERY, ARROW = 3, 0.16
HUES = (ACCENT, WARM)


def race(walks: Mapping[str, Walk], law: Law) -> go.Figure:
    """Two walks side by side, and the paths of a few particles: an animation of all of them over the density."""
    figure = plane(500)
    first = next(iter(walks.values()))
    shown = moments(first)

    def frame(at: int, look: Mapping[str, object]) -> list[go.Scatter | go.Heatmap]:
        moved = [walk.points[shown[at]].astype(np.float32) for walk in walks.values()]
        dots = [go.Scatter(x=points[:, 0], y=points[:, 1], **look) for points in moved]
        return [*dots, *(tint(law.x, law.density[at], "density") for _ in walks)]

    sides = zip(frame(-1, {"mode": "markers"}), [*walks] * 2, HUES * 2, ("", "2") * 2, strict=True)
    for trace, name, hue, axes in sides:
        trace.update(xaxis=f"x{axes}", yaxis=f"y{axes}", hoverinfo="skip")
        if trace.type == "scatter":
            trace.update(name=name, marker={"size": 3.5, "color": hue, "opacity": 0.75})
        figure.add_trace(trace)
    for axes, walk in zip(("", "2"), walks.values(), strict=True):
        for k in range(TRACED):
            path, line = walk.points[:, k], {"color": GRAY, "width": 1.2}
            look = {"mode": "lines", "line": line, "xaxis": f"x{axes}", "yaxis": f"y{axes}", "hoverinfo": "skip"}
            figure.add_scatter(x=path[:, 0], y=path[:, 1], name=f"path {k + 1}", **look)
    labels = [f"t = {first.t[i]:.2f}" for i in shown]
    animate(figure, [frame(i, {}) for i in range(len(shown))], labels, shown=len(shown) - 1)
    return _side_by_side(figure, list(walks))


def _side_by_side(figure: go.Figure, titles: list[str]) -> go.Figure:
    """Two planes next to each other, each under its title."""
    second = figure.layout.xaxis.to_plotly_json(), figure.layout.yaxis.to_plotly_json()
    figure.update_layout(
        xaxis={"domain": [0, 0.485], "dtick": 2},  # on a phone the numbers of both have room
        xaxis2={**second[0], "domain": [0.515, 1], "anchor": "y2", "dtick": 2},
        yaxis2={**second[1], "anchor": "x2", "scaleanchor": "x2", "title": None, "showticklabels": False},
        showlegend=False,
        margin={"t": 36},
    )
    for title, axes in zip(titles, ("", "2"), strict=True):
        place = {"xref": f"x{axes} domain", "yref": f"y{axes} domain", "x": 0.5, "y": 1, "yanchor": "bottom"}
        figure.add_annotation(text=f"<b>{title}</b>", showarrow=False, **place)
    return figure


def distances(curves: Mapping[str, Values], floor: float, now: int) -> go.Figure:
    """Distance from the data over the number of steps, for the samplers of the race."""
    figure = chart("steps", "distance from the data", height=340)
    for (name, values), hue in zip(curves.items(), HUES, strict=False):
        figure.add_scatter(x=STEPS, y=values, name=name, mode="lines+markers", line={"color": hue})
    level = {"color": GRAY, "dash": "dot"}
    figure.add_scatter(x=STEPS, y=[floor] * len(STEPS), name="draws of the data", mode="lines", line=level)
    return _doubling(figure, now)


def flow_errors(curves: Mapping[str, Values], now: int) -> go.Figure:
    """Distance from the end of the flow over the number of steps, for deterministic samplers."""
    figure = chart("steps", "median distance from the flow", height=340)
    for i, (name, values) in enumerate(curves.items()):
        figure.add_scatter(x=STEPS, y=values, name=name, mode="lines+markers", line={"color": PALETTE[i + 2]})
    return _doubling(figure, now)


def error_map(now: Difference) -> go.Figure:
    """Where two denoisers of the same data differ, with some of their arrows and draws of x_t."""
    figure = plane(460)
    say = "(%{x:.2f}, %{y:.2f}): error %{z:.3f}"
    heat(figure, now.x, now.x, now.apart, "error", say, zmax=1, opacity=0.6, colorbar=color_bar("error"))
    look = {"size": 3, "color": GRAY, "opacity": 0.7}
    drawn = now.points.astype(np.float32)
    figure.add_scatter(x=drawn[:, 0], y=drawn[:, 1], name="draws of x_t", mode="markers", marker=look, hoverinfo="skip")
    every = slice(EVERY // 2, None, EVERY)
    x, y = (c.ravel() for c in np.meshgrid(now.x[every], now.x[every]))
    for name, eps, hue in (("exact score", now.exact, PALETTE[2]), ("learned score", now.learned, PALETTE[3])):
        pushes = -ARROW * eps[every, every].reshape(-1, 2)
        figure.add_trace(arrows(np.stack([x, y], 1), pushes, name, hue))
    return figure


def error_curve(t_axis: Values, errors: Values, t: float, average: float) -> go.Figure:
    """The average error over time, and at the time of the map."""
    figure = chart("t", "error of the noise estimate", height=330)
    figure.add_scatter(x=t_axis, y=errors, name="average error", mode="lines+markers", line={"color": ACCENT})
    look = {"size": 12, "color": WARM, "symbol": "diamond"}
    figure.add_scatter(x=[t], y=[average], name="the map", mode="markers", marker=look)
    return figure.update_yaxes(rangemode="tozero")


def _doubling(figure: go.Figure, now: int) -> go.Figure:
    """Logarithmic axes, the numbers of steps as ticks, and a line at the present one."""
    mark(figure, now)
    figure.update_xaxes(type="log", tickvals=STEPS, ticktext=[str(steps) for steps in STEPS])
    return figure.update_yaxes(**LOG, dtick=1)
