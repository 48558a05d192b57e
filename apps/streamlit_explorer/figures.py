"""The explorer's charts: numpy arrays in, plotly figures out, no widgets.

Colours are legible on light and dark ground; everything else (fonts, grid, ground) follows Streamlit's theme.
"""

from __future__ import annotations

import csv as csv_format
import io
from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from pedesis.lessons.forward import Histogram
from pedesis.lessons.schedules import TOLERANCE, Curves, Values, names

PALETTE = ("#6c5ce7", "#e8833a", "#17a589", "#d9488b", "#2f8fd8", "#9a8c1f", "#c0504d", "#7f8c9b", "#4caf50", "#b072d1")
GREY = "#8a8799"
ACCENT = PALETTE[0]
WARM = PALETTE[1]


def colour(name: str) -> str:
    """A schedule's own colour, the same in all charts."""
    return PALETTE[names().index(name) % len(PALETTE)]


def powers(curves: Mapping[str, Curves]) -> go.Figure:
    """alpha_bar and 1 - alpha_bar over t."""
    figure = _figure("t", "power")
    for name, c in curves.items():
        figure.add_scatter(x=c.t, y=c.signal, name=name, line={"color": colour(name)}, legendgroup=name)
        figure.add_scatter(
            x=c.t,
            y=c.noise,
            name=f"{name}, noise",
            line={"color": colour(name), "dash": "dot", "width": 1.5},
            legendgroup=name,
            showlegend=False,
        )
    return figure.update_yaxes(range=[-0.02, 1.02])


def log_snr(curves: Mapping[str, Curves]) -> go.Figure:
    """log SNR over t."""
    figure = _figure("t", "log SNR")
    for name, c in curves.items():
        figure.add_scatter(x=c.t, y=c.log_snr, name=name, line={"color": colour(name)})
    return figure.update_yaxes(range=[-12, 15])


def betas(tables: Mapping[str, Values]) -> go.Figure:
    """beta_i over i/T, logarithmic."""
    figure = _figure("i / T", "beta")
    for name, beta in tables.items():
        i = np.arange(1, len(beta) + 1) / len(beta)
        mode = "lines+markers" if len(beta) <= 50 else "lines"
        figure.add_scatter(x=i, y=beta, name=name, mode=mode, line={"color": colour(name)})
    return figure.update_yaxes(type="log", exponentformat="power", dtick=1)


def time_share(curves: Mapping[str, Curves]) -> go.Figure:
    """The share of t per unit of log SNR, over log SNR from clean (left) to noise (right)."""
    figure = _figure("log SNR (clean left, noise right)", "share of t per unit")
    for name, c in curves.items():
        figure.add_scatter(x=c.log_snr, y=c.time_share, name=name, line={"color": colour(name)})
    return figure.update_xaxes(range=[13, -11]).update_yaxes(range=[0, 0.26])


def position(curves: Curves, t: float) -> go.Figure:
    """Where t is on the signal and noise amplitudes of one schedule."""
    figure = _figure("t", "amplitude", height=230)
    t_axis = np.concatenate([[0.0], curves.t])
    for label, power, first, hue in (("signal", curves.signal, 1.0, ACCENT), ("noise", curves.noise, 0.0, WARM)):
        figure.add_scatter(x=t_axis, y=np.sqrt(np.concatenate([[first], power])), name=label, line={"color": hue})
    figure.add_vline(x=t, line={"color": GREY, "dash": "dot", "width": 1.5})
    return figure.update_yaxes(range=[-0.03, 1.05])


def noise_histogram(histogram: Histogram) -> go.Figure:
    """Measured densities of the added noise over the standard normal."""
    figure = _figure("added noise", "density", height=260)
    for (name, density), hue in zip(histogram.measured.items(), (ACCENT, WARM), strict=False):
        figure.add_scatter(x=histogram.centres, y=density, name=name, line={"color": hue, "shape": "hvh", "width": 1.5})
    figure.add_scatter(x=histogram.centres, y=histogram.normal, name="N(0, 1)", line={"color": GREY, "dash": "dot"})
    return figure.update_yaxes(range=[0, 0.45])


def trap(chains: Mapping[str, Values]) -> go.Figure:
    """alpha_bar over i/T of several chains."""
    figure = _figure("i / T", "alpha_bar")
    for (name, alpha_bar), hue in zip(chains.items(), (WARM, ACCENT), strict=False):
        i = np.linspace(0, 1, len(alpha_bar))
        figure.add_scatter(x=i, y=alpha_bar, name=name, line={"color": hue})
    return figure.update_yaxes(range=[-0.02, 1.02])


def prior_kl(steps: Values, bits: Values, now: int, now_bits: float) -> go.Figure:
    """Prior KL over the number of steps, the tolerance, and where we are."""
    figure = _figure("steps T", "prior KL, bits")
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
        x=steps[[0, -1]], y=[TOLERANCE] * 2, name="tolerable", mode="lines", line={"color": GREY, "dash": "dot"}
    )
    return figure.update_xaxes(type="log", dtick=1).update_yaxes(type="log", exponentformat="power", dtick=2)


def csv(figure: go.Figure) -> str:
    """The points of all curves of a chart as a table: curve, x, y."""
    text = io.StringIO()
    table = csv_format.writer(text, lineterminator="\n")
    table.writerow(["curve", figure.layout.xaxis.title.text, figure.layout.yaxis.title.text])
    for trace in figure.data:
        table.writerows((trace.name, float(x), float(y)) for x, y in zip(trace.x, trace.y, strict=True))
    return text.getvalue()


def _figure(x: str, y: str, height: int = 320) -> go.Figure:
    """An empty chart in the common style; zoom and hidden curves survive a change of the data."""
    return go.Figure(
        layout={
            "height": height,
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "xaxis": {"title": x, "automargin": True, "zeroline": False},
            "yaxis": {"title": y, "automargin": True, "zeroline": False},
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            "hovermode": "x unified",
            "uirevision": "keep",
        }
    )
