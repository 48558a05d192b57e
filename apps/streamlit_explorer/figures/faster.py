"""Charts of the page on faster sampling."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from figures.style import ACCENT, GRAY, LOG, PALETTE, WARM, chart, counted, mark
from pedesis.lessons.faster import SEARCHED, STEPS, Assumed, Measured, Searched, Student
from pedesis.lessons.schedules import Values

RULES = {"posterior": PALETTE[3], "beta": WARM, "analytic": ACCENT, "optimal": PALETTE[2], "learned": PALETTE[2]}
"""The color of each variance, the same in all charts."""

GRIDS = (SEARCHED, "uniform", "quadratic", "log-snr", "rho")
"""Grids in the order of their colors."""


def color(grid: str) -> str:
    """A grid's own color, the same in all charts."""
    return PALETTE[GRIDS.index(grid) % len(PALETTE)] if grid in GRIDS else GRAY


def assumed(shares: Assumed) -> go.Figure:
    """Var[x_0 | x_t] as a share of sigma^2: its mean, its spread over x_t, and what the score says."""
    figure = chart("log SNR (noise left, data right)", "Var[x0 | xt] / sigma^2")
    for edge, fill in ((shares.low, None), (shares.high, "tonexty")):
        figure.add_scatter(
            x=shares.log_snr,
            y=edge,
            name="10 % to 90 % of all x_t",
            mode="lines",
            line={"width": 0},
            fill=fill,
            fillcolor="rgba(108, 92, 231, 0.18)",
            showlegend=fill is not None,
        )
    figure.add_scatter(x=shares.log_snr, y=shares.mean, name="mean: analytic", line={"color": RULES["analytic"]})
    figure.add_scatter(
        x=shares.at,
        y=shares.estimated,
        name="from the score's norm",
        mode="markers",
        marker={"color": RULES["analytic"], "symbol": "circle-open", "size": 8},
    )
    for name, level in (("beta", 1.0), ("posterior", 0.0)):
        figure.add_scatter(
            x=shares.log_snr[[0, -1]],
            y=[level] * 2,
            name=name,
            mode="lines",
            line={"color": RULES[name], "dash": "dot"},
        )
    return figure


def wasted(curves: Mapping[str, Values], colors: Mapping[str, str], now: int | None = None) -> go.Figure:
    """Bits above the truth over the number of steps, both logarithmic."""
    figure = chart("steps", "bits above the truth")
    for name, bits in curves.items():
        figure.add_scatter(
            x=list(STEPS), y=bits, name=name, mode="lines+markers", line={"color": colors.get(name, GRAY)}
        )
    if now is not None:
        mark(figure, now)
    figure.update_xaxes(type="log", tickvals=list(STEPS))
    return figure.update_yaxes(**LOG, range=[-2.5, 1.5], dtick=1)


def places(found: Searched, steps: int) -> go.Figure:
    """Where the steps of every grid begin."""
    figure = chart("log SNR (noise left, data right)", "grid", height=260)
    for name, log_snrs in found.log_snrs.items():
        figure.add_scatter(
            x=log_snrs[steps],
            y=np.full(steps, list(found.log_snrs).index(name)),
            name=name,
            mode="markers",
            marker={"color": color(name), "symbol": "line-ns-open", "size": 16, "line": {"width": 2}},
            showlegend=False,
        )
    names = list(found.log_snrs)
    return figure.update_yaxes(
        tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.5, -0.5], title=None
    ).update_layout(hovermode="closest")


def answer(student: Student, teacher: Student) -> go.Figure:
    """What the student says at t = 1, over the noise, beside the teacher's mean."""
    figure = chart("the noise z at t = 1", "answer: x0")
    figure.add_scatter(x=teacher.z, y=teacher.answer, name="teacher", line={"color": GRAY, "dash": "dot"})
    figure.add_scatter(x=student.z, y=student.answer, name=f"student, {counted(student.steps)}", line={"color": ACCENT})
    return figure.update_yaxes(range=[-2.5, 2.5])


def samples(centers: Values, student: Values, plain: Values, real: Values, steps: int) -> go.Figure:
    """Densities of samples: the student's, DDIM's with as few steps, and the data's."""
    figure = chart("x0", "density")
    for name, density, hue in (
        (f"DDIM, {counted(steps)}", plain, WARM),
        (f"student, {counted(steps)}", student, ACCENT),
    ):
        figure.add_scatter(x=centers, y=density, name=name, line={"color": hue, "shape": "hvh", "width": 1.5})
    figure.add_scatter(x=centers, y=real, name="data", line={"color": GRAY, "dash": "dot"})
    return figure.update_yaxes(range=[0, 2.2 * float(real.max())])


def distances(steps: Values, away: Values, now: int) -> go.Figure:
    """How far samples are from the data over the number of steps; the student keeps its teacher's level."""
    figure = chart("steps", "distance of quantiles")
    figure.add_scatter(x=steps, y=away, name="DDIM", mode="lines+markers", line={"color": WARM})
    figure.add_scatter(
        x=steps, y=np.full(len(steps), away[-1]), name="perfect student", mode="lines", line={"color": ACCENT}
    )
    mark(figure, now)
    figure.update_xaxes(type="log", tickvals=steps)
    return figure.update_yaxes(**LOG, dtick=1)


def measured(curves: Mapping[str, Measured], colors: Mapping[str, str]) -> go.Figure:
    """Measured bits per dimension over the number of steps, with standard errors."""
    figure = chart("steps", "bits per dimension")
    for name, curve in curves.items():
        figure.add_scatter(
            x=curve.steps,
            y=curve.bits,
            error_y={"array": curve.error, "thickness": 1, "width": 3},
            name=name,
            mode="lines+markers",
            line={"color": colors.get(name, GRAY)},
        )
    ticks = sorted({float(n) for curve in curves.values() for n in curve.steps})
    return figure.update_xaxes(type="log", tickvals=ticks).update_yaxes(
        type="log", tickvals=[3, 3.5, 4, 4.5, 5, 6, 8, 10, 20, 50, 100]
    )
