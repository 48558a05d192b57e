"""Charts of the page on Fokker-Planck and Ornstein-Uhlenbeck."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from figures.field import field, trails
from figures.style import ACCENT, GRAY, LOG, PALETTE, WARM, chart, mark
from pedesis.lessons.fokker_planck import END, SHOWN, Flow, Moments, Returns
from pedesis.lessons.schedules import Values

TEAL = PALETTE[2]
PATHS = 12
BINS = np.linspace(-SHOWN, SHOWN, 65)
BRIGHTEST = 1.0


def over_time(flow: Flow, t: float) -> go.Figure:
    """The density over time, with some of the simulated paths and a line at t."""
    seen = np.abs(flow.x) <= SHOWN
    figure = field(flow.t, flow.x[seen], flow.density[:, seen].T, BRIGHTEST, SHOWN, ("time", "x"))
    return mark(trails(figure, flow.t, flow.paths[:, :PATHS]), t, WARM)


def at(flow: Flow, i: int) -> go.Figure:
    """The density at one time: of the paths, on the grid, at the start, and at rest if there is a rest."""
    figure = chart("x", "density", height=340)
    counts, _ = np.histogram(flow.paths[i], BINS)
    share = counts / (flow.paths.shape[1] * np.diff(BINS))
    middles = (BINS[1:] + BINS[:-1]) / 2
    figure.add_bar(x=middles, y=share, name="paths", marker={"color": ACCENT, "opacity": 0.4, "line": {"width": 0}})
    seen = np.abs(flow.x) <= SHOWN
    figure.add_scatter(x=flow.x[seen], y=flow.density[i, seen], name="Fokker-Planck", line={"color": WARM})
    figure.add_scatter(x=flow.x[seen], y=flow.density[0, seen], name="start", line={"color": GRAY, "width": 1})
    if flow.rest.any():
        dotted = {"color": TEAL, "dash": "dot"}
        figure.add_scatter(x=flow.x[seen], y=flow.rest[seen], name="at rest", line=dotted)
    top = max(0.5, float(flow.density[i].max()), float(flow.rest.max()))
    return figure.update_layout(bargap=0.02).update_yaxes(range=[0, 1.15 * top])


def moments(t: Values, grid: Moments, paths: Moments, now: float) -> go.Figure:
    """Mean and variance over time, on the grid and of the paths."""
    figure = chart("time", "mean and variance", height=340)
    for name, on_grid, of_paths, hue in (
        ("mean", grid.mean, paths.mean, WARM),
        ("variance", grid.variance, paths.variance, TEAL),
    ):
        figure.add_scatter(x=t, y=on_grid, name=name, line={"color": hue})
        dots = {"size": 5, "color": hue}
        figure.add_scatter(x=t[::4], y=of_paths[::4], name=f"{name} of the paths", mode="markers", marker=dots)
    return mark(figure, now, WARM)


def returning(found: Returns, starts: Sequence[float]) -> go.Figure:
    """Mean and two standard deviations from several starting points."""
    figure = chart("time", "x", height=340)
    for i, (start, mean) in enumerate(zip(starts, found.means, strict=True)):
        hue, name = PALETTE[i], f"from {start:g}"
        figure.add_scatter(x=found.t, y=mean, name=name, line={"color": hue}, legendgroup=name)
        for side in (1, -1):
            edge = mean + side * 2 * found.std
            line = {"color": hue, "width": 1, "dash": "dot"}
            figure.add_scatter(x=found.t, y=edge, name=f"{name}, {side * 2:+d} std", line=line, legendgroup=name)
            figure.data[-1].update(showlegend=False)
    return figure


def to_rest(found: Returns, starts: Sequence[float]) -> go.Figure:
    """The distance from rest over time, logarithmic."""
    figure = chart("time", "KL from rest, bits", height=340)
    for i, (start, bits) in enumerate(zip(starts, found.bits, strict=True)):
        if start >= 0:  # from -start it is the same
            name = f"from ±{start:g}" if start else "from 0"
            figure.add_scatter(x=found.t[1:], y=np.maximum(bits, 1e-12), name=name, line={"color": PALETTE[i]})
    return figure.update_yaxes(**LOG, dtick=2).update_xaxes(range=[0, END])


def forgetting(t: Values, apart: Mapping[str, Values]) -> go.Figure:
    """How far two densities from different starts are apart under each force."""
    figure = chart("time", "total variation distance", height=340)
    for (name, distance), hue in zip(apart.items(), (ACCENT, WARM, TEAL), strict=True):
        figure.add_scatter(x=t, y=distance, name=name, line={"color": hue})
    return figure.update_yaxes(range=[-0.03, 1.05])
