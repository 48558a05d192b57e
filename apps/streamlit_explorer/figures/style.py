"""The common style of the explorer's charts, and their numbers as a table.

Colors are legible on light and dark ground; everything else (fonts, grid, ground) follows Streamlit's theme.
"""

from __future__ import annotations

import csv as csv_format
import io
import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.basedatatypes import BaseTraceType

from pedesis.lessons.schedules import Values

PALETTE = ("#6c5ce7", "#e8833a", "#17a589", "#d9488b", "#2f8fd8", "#9a8c1f", "#c0504d", "#7f8c9b", "#4caf50", "#b072d1")
GRAY = "#8a8799"
ACCENT = PALETTE[0]
WARM = PALETTE[1]
HEAT = ((0, "rgba(108, 92, 231, 0)"), (0.3, "rgba(108, 92, 231, 0.8)"), (0.65, "#e05a6d"), (1, "#ffb454"))
"""Colors of a density: nothing where there is none, on any ground."""

LOG = {"type": "log", "exponentformat": "power"}
"""A logarithmic axis: 10², not 100."""

LATTICES = ("heatmap", "contour")

SIGNS = {
    "beta_tilde": "β̃",
    "alpha_bar": "ᾱ",
    "sigma^2": "σ²",
    "beta": "β",
    "sigma": "\N{GREEK SMALL LETTER SIGMA}",
    "eps": "ε",
    "log2": "log₂",
    "x_(t-1)": "xₜ₋₁",
    **{f"x{between}{at}": f"x{low}" for between in ("_", "") for at, low in zip("0st", "₀ₛₜ", strict=True)},
}
_SIGN = re.compile(rf"(?<![A-Za-z_])({'|'.join(map(re.escape, SIGNS))})(?![A-Za-z0-9_])")


def chart(x: str, y: str, height: int = 320) -> go.Figure:
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


def mark(figure: go.Figure, x: float, color: str = GRAY) -> go.Figure:
    """Add an upright line where we are."""
    return figure.add_vline(x=x, line={"color": color, "dash": "dot", "width": 1.5})


def heat(figure: go.Figure, x: Values, y: Values, z: Values, name: str, hover: str, **look: Any) -> go.Figure:
    """Add values z (y, x) as colors, from nothing at 0 on.

    Args:
        hover: what is said of a point, with %{x}, %{y} and %{z}.
        look: more of a plotly heatmap, such as zmax.
    """
    look = {"colorscale": HEAT, "zmin": 0, "hovertemplate": f"{hover}<extra></extra>"} | look
    return figure.add_heatmap(x=x, y=y, z=z.astype(np.float32), name=name, **look)


def color_bar(title: str) -> dict[str, Any]:
    """The narrow bar beside a picture that says what its colors mean."""
    return {"title": title, "thickness": 10}


def counted(steps: int) -> str:
    """1 step, 2 steps."""
    return f"{steps} step{'s' * (steps > 1)}"


def animate(
    figure: go.Figure, frames: Sequence[Sequence[BaseTraceType]], labels: Sequence[str], shown: int = 0
) -> go.Figure:
    """Add a play button and a slider: frame i holds the new data of all traces, in their order, and has a label.

    The browser plays it; the figure itself should show frame `shown`, by default the first. Traces of type scatter
    move by themselves; where there are others in a frame, the picture is drawn anew.
    """
    figure.frames = [go.Frame(data=data, name=label) for data, label in zip(frames, labels, strict=True)]
    each = max(60, 2400 // len(labels))  # milliseconds: two and a half seconds in all
    redraw = any(trace.type != "scatter" for frame in frames[:1] for trace in frame)
    now = {"mode": "immediate", "frame": {"duration": each, "redraw": redraw}, "transition": {"duration": 0}}
    play = {"label": "▶ Play", "method": "animate", "args": [None, {**now, "fromcurrent": shown == 0}]}
    pause = {"label": "❚❚ Pause", "method": "animate", "args": [[None], now]}
    steps = [{"label": label, "method": "animate", "args": [[label], now]} for label in labels]
    place = {"x": 0, "y": 0, "xanchor": "left", "yanchor": "top", "font": {"color": GRAY}}
    buttons = {"type": "buttons", "direction": "left", "showactive": False, "pad": {"t": 58}}
    slider = {
        "active": shown,
        "steps": steps,
        "pad": {"t": 62, "b": 8},
        "currentvalue": {"xanchor": "right", "offset": 14, "font": {"color": GRAY, "size": 14}},
        "font": {"color": "rgba(0, 0, 0, 0)", "size": 1},  # one label, that of now, is enough
        "bgcolor": GRAY,
        "activebgcolor": ACCENT,
        "bordercolor": GRAY,
        "ticklen": 0,
        "minorticklen": 0,
    }
    return figure.update_layout(
        updatemenus=[{**place, **buttons, "buttons": [play, pause]}], sliders=[{**place, **slider}]
    )


def with_signs(figure: go.Figure) -> go.Figure:
    """The same chart, changed in place: `beta`, `x_t` and the like in its words become β and xₜ."""
    words = [(axis.title, "text") for axis in (*figure.select_xaxes(), *figure.select_yaxes())]
    words += [(note, "text") for note in figure.layout.annotations] + [(trace, "name") for trace in figure.data]
    for holder, field in words:
        if holder[field]:
            holder[field] = _SIGN.sub(lambda found: SIGNS[found[1]], holder[field])
    return figure


def csv(figure: go.Figure) -> str:
    """The points of all curves of a chart as a table: curve, x, y; with a density also its value.

    Gaps are left out; of an animation, the picture that is shown first.
    """
    text = io.StringIO()
    table = csv_format.writer(text, lineterminator="\n")
    values = [trace.colorbar.title.text or "value" for trace in figure.data if trace.type in LATTICES][:1]
    table.writerow(["curve", figure.layout.xaxis.title.text, figure.layout.yaxis.title.text, *values])
    for trace in figure.data:
        if trace.type in LATTICES:
            columns = [*(c.ravel() for c in np.meshgrid(trace.x, trace.y)), np.asarray(trace.z).ravel()]
        else:
            columns = [trace.x, trace.y]
        rows = (tuple(map(float, row)) for row in zip(*columns, strict=True))
        table.writerows((trace.name, *row) for row in rows if not any(map(math.isnan, row)))
    return text.getvalue()
