"""Charts of the schedules page."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from figures.style import ACCENT, GRAY, LOG, PALETTE, WARM, chart
from pedesis.lessons.schedules import TOLERANCE, Curves, Values, names


def color(name: str) -> str:
    """A schedule's own color, the same in all charts."""
    return PALETTE[names().index(name) % len(PALETTE)]


def powers(curves: Mapping[str, Curves]) -> go.Figure:
    """alpha_bar and 1 - alpha_bar over t."""
    figure = chart("t", "power")
    for name, c in curves.items():
        figure.add_scatter(x=c.t, y=c.signal, name=name, line={"color": color(name)}, legendgroup=name)
        figure.add_scatter(
            x=c.t,
            y=c.noise,
            name=f"{name}, noise",
            line={"color": color(name), "dash": "dot", "width": 1.5},
            legendgroup=name,
            showlegend=False,
        )
    return figure.update_yaxes(range=[-0.02, 1.02])


def log_snr(curves: Mapping[str, Curves]) -> go.Figure:
    """log SNR over t."""
    figure = chart("t", "log SNR")
    for name, c in curves.items():
        figure.add_scatter(x=c.t, y=c.log_snr, name=name, line={"color": color(name)})
    return figure.update_yaxes(range=[-12, 15])


def betas(tables: Mapping[str, Values]) -> go.Figure:
    """beta_i over i/T, logarithmic."""
    figure = chart("i / T", "beta")
    for name, beta in tables.items():
        i = np.arange(1, len(beta) + 1) / len(beta)
        mode = "lines+markers" if len(beta) <= 50 else "lines"
        figure.add_scatter(x=i, y=beta, name=name, mode=mode, line={"color": color(name)})
    return figure.update_yaxes(**LOG, dtick=1)


def time_share(curves: Mapping[str, Curves]) -> go.Figure:
    """The share of t per unit of log SNR, over log SNR from clean (left) to noise (right)."""
    figure = chart("log SNR (clean left, noise right)", "share of t per unit")
    for name, c in curves.items():
        figure.add_scatter(x=c.log_snr, y=c.time_share, name=name, line={"color": color(name)})
    return figure.update_xaxes(range=[13, -11]).update_yaxes(range=[0, 0.26])


def trap(chains: Mapping[str, Values]) -> go.Figure:
    """alpha_bar over i/T of several chains."""
    figure = chart("i / T", "alpha_bar")
    for (name, alpha_bar), hue in zip(chains.items(), (WARM, ACCENT), strict=False):
        i = np.linspace(0, 1, len(alpha_bar))
        figure.add_scatter(x=i, y=alpha_bar, name=name, line={"color": hue})
    return figure.update_yaxes(range=[-0.02, 1.02])


def prior_kl(steps: Values, bits: Values, now: int, now_bits: float) -> go.Figure:
    """Prior KL over the number of steps, the tolerance, and where we are."""
    figure = chart("steps T", "prior KL, bits")
    figure.add_scatter(x=steps, y=bits, name="DDPM's betas", line={"color": WARM})
    figure.add_scatter(
        x=[now],
        y=[now_bits],
        name=f"T = {now}",
        mode="markers",
        marker={"size": 12, "color": WARM, "symbol": "diamond"},
        showlegend=False,
    )
    figure.add_scatter(
        x=steps[[0, -1]], y=[TOLERANCE] * 2, name="tolerable", mode="lines", line={"color": GRAY, "dash": "dot"}
    )
    return figure.update_xaxes(type="log", dtick=1).update_yaxes(**LOG, dtick=2)
