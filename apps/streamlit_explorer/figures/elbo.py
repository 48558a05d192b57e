"""Charts of the page on the variational bound."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from figures.style import ACCENT, GRAY, PALETTE, WARM, chart, mark
from pedesis.lessons.elbo import Bound, Vae
from pedesis.lessons.schedules import Values

HUES = {"prior": PALETTE[2], "denoising": ACCENT, "reconstruction": WARM}
"""The color of each term, the same in all charts."""

LEVEL = "log SNR (noise left, data right)"


def terms(sweep: Mapping[int, Mapping[str, float]], truth: float) -> go.Figure:
    """The three terms stacked, for each number of steps, and the bits that no code can beat."""
    figure = chart("number of steps T", "bits")
    steps = [str(n) for n in sweep]
    for term, hue in HUES.items():
        figure.add_bar(x=steps, y=[bits[term] for bits in sweep.values()], name=term, marker={"color": hue})
    figure.add_scatter(x=steps, y=[truth] * len(steps), name="truth", mode="lines", line={"color": GRAY, "dash": "dot"})
    return figure.update_layout(barmode="stack").update_xaxes(type="category").update_yaxes(range=[0, truth + 5])


def per_level(bound: Bound, error: Values | None = None, unit: str = "bits") -> go.Figure:
    """The denoising bits per unit of log SNR, with standard errors if those of the terms are given."""
    figure = chart(LEVEL, f"{unit} per unit of log SNR")
    middle, bits = bound.per_level()
    figure.add_scatter(
        x=middle,
        y=bits,
        error_y=None if error is None else {"array": bound.per_level(error)[1], "thickness": 1, "width": 0},
        name="denoising",
        mode="lines+markers",
        line={"color": HUES["denoising"], "width": 1.5},
        marker={"size": 5},
    )
    return figure.update_yaxes(rangemode="tozero")


def rate_distortion(bound: Bound, unit: str, best: tuple[Values, Values] | None = None) -> go.Figure:
    """What is known for how many bits: rms error over the bits paid, down to zero when all is paid."""
    figure = chart("bits paid so far", f"rms error, {unit}")
    figure.add_scatter(
        x=np.append(bound.rate[1:], bound.total),
        y=np.append(bound.distortion[1:], 0.0),
        name="this bound",
        mode="lines+markers",
        line={"color": ACCENT},
        marker={"size": 5},
    )
    if best is not None:
        figure.add_scatter(x=best[0], y=best[1], name="log2(1/D), one Gaussian", line={"color": GRAY, "dash": "dot"})
    return figure.update_xaxes(rangemode="tozero").update_yaxes(rangemode="tozero")


def vae(curve: Vae, truth: float, now: float) -> go.Figure:
    """Rate, distortion and their sum over the noise level of the only latent."""
    figure = chart("log SNR of the latent", "bits")
    shown = (("rate: KL to the prior", curve.rate, ACCENT), ("distortion: -log p(x|z)", curve.distortion, WARM))
    for name, bits, hue in (*shown, ("bound", curve.total, PALETTE[3])):
        figure.add_scatter(x=curve.log_snr, y=bits, name=name, line={"color": hue})
    figure.add_scatter(
        x=curve.log_snr[[0, -1]], y=[truth] * 2, name="truth", mode="lines", line={"color": GRAY, "dash": "dot"}
    )
    mark(figure, now)
    return figure.update_yaxes(rangemode="tozero")
