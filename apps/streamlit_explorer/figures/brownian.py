"""Charts of the page on Brownian motion."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from figures.field import trails
from figures.style import ACCENT, GRAY, LOG, PALETTE, WARM, animate, chart, heat
from pedesis.lessons.brownian import Concentration, Finer, Grains, Law, Spectrum, Walkers
from pedesis.lessons.schedules import Values

TEAL = PALETTE[2]
DOTTED = {"color": GRAY, "dash": "dot", "width": 2}


def paths(walkers: Walkers, mean: Values, std: Values) -> go.Figure:
    """Some walkers over time, with the mean and two standard deviations that the law promises."""
    figure = chart("time, in steps", "position, in sites", height=360)
    times = np.arange(len(walkers.paths), dtype=float)
    trails(figure, times, walkers.paths).data[0].update(
        name="walkers", line={"color": ACCENT, "width": 1}, opacity=0.45
    )
    figure.add_scatter(x=times, y=mean, name="mean", line={"color": WARM})
    for sign, name in ((1, "mean ± 2 std"), (-1, "mean - 2 std")):
        figure.add_scatter(x=times, y=mean + sign * 2 * std, name=name, line={**DOTTED, "color": WARM})
    return figure.update_traces(showlegend=False, selector={"name": "mean - 2 std"})


def histogram(walkers: Walkers, law: Law) -> go.Figure:
    """Where the walkers are, over the exact laws and the heat kernel."""
    figure = chart("position, in sites", "share of the walkers", height=360)
    share = walkers.counts / walkers.counts.sum()
    figure.add_bar(
        x=walkers.sites, y=share, name="walkers", marker={"color": ACCENT, "opacity": 0.45, "line": {"width": 0}}
    )
    look = {"size": 6, "color": TEAL}
    figure.add_scatter(x=law.sites, y=law.walk, name="exact law", mode="markers", marker=look)
    figure.add_scatter(x=law.sites, y=law.heat, name="heat kernel", line={"color": WARM})
    seen = law.sites[np.maximum(law.heat, law.walk) > 1e-4]
    return figure.update_layout(bargap=0.05).update_xaxes(range=[seen[0] - 1, seen[-1] + 1])


def displacement(measured: Values, walk: Values, brownian: Values) -> go.Figure:
    """Mean squared displacement over time: measured, of the walk, and of Brownian motion."""
    figure = chart("time, in steps", "variance of the position", height=360)
    times = np.arange(len(walk))
    figure.add_scatter(x=times, y=measured, name="walkers", line={"color": ACCENT, "width": 3}, opacity=0.6)
    figure.add_scatter(x=times, y=walk, name="exact", line={"color": TEAL})
    figure.add_scatter(x=times, y=brownian, name="2 D t", line={"color": WARM, "dash": "dash"})
    return figure


def grains(found: Grains) -> go.Figure:
    """Grains in the plane, the circle of their root mean squared distance, and the path of one: an animation."""
    figure = chart("along the drift", "across", height=480)
    angle = np.linspace(0, 2 * np.pi, 61)
    circle = np.stack([np.cos(angle), np.sin(angle)], 1)

    def frame(i: int) -> list[go.Scatter]:
        ring = found.middle[i] + found.radius[i] * circle
        parts = (found.points[i], found.points[: i + 1, 0], ring)
        return [go.Scatter(x=xy[:, 0].astype(np.float32), y=xy[:, 1].astype(np.float32)) for xy in parts]

    figure.add_traces(frame(len(found.t) - 1))
    looks = (
        {"name": "grains", "mode": "markers", "marker": {"size": 4, "color": ACCENT, "opacity": 0.6}},
        {"name": "path of one", "mode": "lines", "line": {"color": WARM, "width": 1.5}},
        {"name": "rms distance", "mode": "lines", "line": {**DOTTED}},
    )
    for trace, look in zip(figure.data, looks, strict=True):
        trace.update(hoverinfo="skip", **look)
    last = len(found.t) - 1
    animate(figure, [frame(i) for i in range(last + 1)], [f"t = {t:.1f}" for t in found.t], shown=last)
    reach = 3 * found.radius[-1]
    figure.update_xaxes(range=[-reach, found.middle[-1, 0] + reach], constrain="domain")
    return figure.update_yaxes(range=[-reach, reach], scaleanchor="x", constrain="domain").update_layout(
        hovermode="closest"
    )


def over_time(found: Concentration) -> go.Figure:
    """The concentration over time and position."""
    figure = chart("time, in steps", "position, in sites", height=360)
    times, say = np.arange(len(found.over_time)), "time %{x}, site %{y}: %{z:.4f}"
    heat(figure, times, found.sites, found.over_time.T, "concentration", say, showscale=False)
    return figure.update_layout(hovermode="closest")


def concentration(found: Concentration) -> go.Figure:
    """The concentration at the start and now, in steps and in continuous time."""
    figure = chart("position, in sites", "concentration", height=360)
    figure.add_scatter(x=found.sites, y=found.over_time[0], name="at the start", line=DOTTED)
    figure.add_scatter(x=found.sites, y=found.over_time[-1], name="in steps", line={"color": ACCENT})
    figure.add_scatter(
        x=found.sites, y=found.continuous, name="in continuous time", line={"color": WARM, "dash": "dash"}
    )
    return figure.update_yaxes(range=[0, None])


def change(found: Concentration) -> go.Figure:
    """The next change of the concentration, as drift and diffusion."""
    figure = chart("position, in sites", "change in the next step", height=360)
    inner = found.sites[1:-1]
    figure.add_scatter(x=inner, y=found.drift, name="drift", line={"color": WARM})
    figure.add_scatter(x=inner, y=found.diffusion, name="diffusion", line={"color": TEAL})
    figure.add_scatter(x=inner, y=found.drift + found.diffusion, name="sum", line={"color": ACCENT, "width": 3})
    return figure.update_yaxes(exponentformat="power")


def finer(found: Finer) -> go.Figure:
    """The law of a walk of finer steps over the heat kernel."""
    figure = chart("position", "density", height=320)
    figure.add_scatter(x=found.x, y=found.walk, name="walk", line={"color": ACCENT, "shape": "hvh", "width": 1.5})
    figure.add_scatter(x=found.x, y=found.heat, name="heat kernel", line={"color": WARM, "dash": "dash"})
    seen = found.x[found.heat > 1e-4]
    return figure.update_xaxes(range=[seen[0] - 1, seen[-1] + 1])


def convergence(steps: Values, apart: Values, now: int) -> go.Figure:
    """The distance of walk and heat kernel over the number of steps per time, and where we are."""
    figure = chart("steps per time 1", "total variation distance", height=320)
    figure.add_scatter(x=steps, y=apart, name="distance", mode="lines+markers", line={"color": ACCENT})
    here = apart[list(steps).index(now)]
    look = {"size": 12, "color": WARM, "symbol": "diamond"}
    figure.add_scatter(x=[now], y=[here], name="now", mode="markers", marker=look, showlegend=False)
    figure.update_yaxes(**LOG, dtick=1)
    return figure.update_xaxes(type="log", tickvals=list(steps))


def in_space(found: Spectrum) -> go.Figure:
    """The concentration at the start and at t."""
    figure = chart("position x", "concentration C(x, t)", height=320)
    figure.add_scatter(x=found.x, y=found.start, name="at the start", line=DOTTED)
    figure.add_scatter(x=found.x, y=found.now, name="at t", line={"color": ACCENT})
    return figure


def in_waves(found: Spectrum) -> go.Figure:
    """The size of its waves at the start and at t, and the factor between them."""
    figure = chart("wave number k", "|F(k, t)|", height=320)
    figure.add_scatter(x=found.k, y=found.spectrum_start, name="at the start", line=DOTTED)
    figure.add_scatter(x=found.k, y=found.spectrum_now, name="at t", line={"color": ACCENT})
    figure.add_scatter(x=found.k, y=found.factor, name="exp(-D k² t)", line={"color": WARM, "dash": "dash"})
    return figure
