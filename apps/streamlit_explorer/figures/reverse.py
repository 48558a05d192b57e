"""Charts of the page on the reverse conditional."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from figures.style import ACCENT, GRAY, LOG, PALETTE, WARM, chart, mark
from pedesis.lessons.reverse import SHOWN, Bayes, Gaps, Reverse, Step
from pedesis.lessons.schedules import Values

TEAL = PALETTE[2]
FLOOR = 1e-12
"""KL divergences below are rounding."""


def bayes(known: Bayes, x_0: float, x_t: float) -> go.Figure:
    """Prior, likelihood and posterior over x_s, and where x_0 and x_t are."""
    figure = chart("x_s", "density", height=340)
    figure.add_scatter(x=known.x, y=known.prior, name="q(x_s | x_0)", line={"color": WARM})
    figure.add_scatter(x=known.x, y=known.likelihood, name="q(x_t | x_s), scaled", line={"color": TEAL})
    fill = {"fill": "tozeroy", "line": {"color": ACCENT, "width": 2.5}}
    figure.add_scatter(x=known.x, y=known.posterior, name="q(x_s | x_t, x_0)", **fill)
    for at, label, hue in ((x_0, "x_0", WARM), (x_t, "x_t", TEAL)):
        mark(figure, at, hue)
        figure.add_annotation(
            x=at, y=1, yref="paper", yanchor="bottom", text=label, showarrow=False, font={"color": hue}
        )
    return figure.update_xaxes(range=[-SHOWN, SHOWN])


def mix(times: Values, steps: Sequence[Step], t: float) -> go.Figure:
    """The weights of x_t and x_0 in the posterior mean, over t."""
    figure = chart("t", "weight in the mean", height=290)
    figure.add_scatter(x=times, y=[s.on_x_t for s in steps], name="of x_t", line={"color": TEAL})
    figure.add_scatter(x=times, y=[s.on_x_0 for s in steps], name="of x_0", line={"color": WARM})
    return _now(figure, t).update_yaxes(range=[-0.03, 1.05])


def variances(times: Values, steps: Sequence[Step], t: float) -> go.Figure:
    """beta and beta_tilde over t, logarithmic."""
    figure = chart("t", "variance of the step", height=290)
    figure.add_scatter(x=times, y=[s.beta for s in steps], name="beta", line={"color": GRAY, "dash": "dot"})
    figure.add_scatter(x=times, y=[s.beta_tilde for s in steps], name="beta_tilde", line={"color": ACCENT})
    return _now(figure, t).update_yaxes(**LOG, dtick=1)


def reverse(now: Reverse) -> go.Figure:
    """The exact reverse conditional and the two Gaussians, where they are."""
    figure = chart("x_s", "density", height=360)
    fill = {"fill": "tozeroy", "line": {"color": ACCENT, "width": 2.5}}
    figure.add_scatter(x=now.x, y=now.exact, name="exact", **fill)
    figure.add_scatter(x=now.x, y=now.small, name="from the score, variance beta", line={"color": WARM})
    figure.add_scatter(x=now.x, y=now.best, name="exact mean and variance", line={"color": TEAL, "dash": "dash"})
    seen = now.x[np.maximum.reduce([now.exact, now.small, now.best]) > 1e-3 * now.exact.max()]
    return figure.update_xaxes(range=[seen[0], seen[-1]])


def gaps(found: Gaps, beta: float, now: Reverse) -> go.Figure:
    """KL over beta for both Gaussians, logarithmic, and where we are."""
    figure = chart("beta of the step", "KL, bits", height=360)
    for name, values, here, hue in (
        ("from the score, variance beta", found.small, now.small_kl, WARM),
        ("exact mean and variance", found.best, now.best_kl, TEAL),
    ):
        figure.add_scatter(x=found.beta, y=np.maximum(values, FLOOR), name=name, line={"color": hue})
        look = {"size": 11, "color": hue, "symbol": "diamond"}
        figure.add_scatter(
            x=[beta], y=[max(here, FLOOR)], name=f"{name}, now", mode="markers", marker=look, showlegend=False
        )
    figure.update_yaxes(**LOG, dtick=2, range=[np.log10(FLOOR), 1.3])
    return figure.update_xaxes(**LOG, dtick=1)


def _now(figure: go.Figure, t: float) -> go.Figure:
    """Time from 0 to 1, and where we are."""
    return mark(figure, t).update_xaxes(range=[0, 1])
