"""The common style of the explorer's charts, and their numbers as a table.

Colours are legible on light and dark ground; everything else (fonts, grid, ground) follows Streamlit's theme.
"""

from __future__ import annotations

import csv as csv_format
import io

import plotly.graph_objects as go

PALETTE = ("#6c5ce7", "#e8833a", "#17a589", "#d9488b", "#2f8fd8", "#9a8c1f", "#c0504d", "#7f8c9b", "#4caf50", "#b072d1")
GREY = "#8a8799"
ACCENT = PALETTE[0]
WARM = PALETTE[1]


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


def csv(figure: go.Figure) -> str:
    """The points of all curves of a chart as a table: curve, x, y."""
    text = io.StringIO()
    table = csv_format.writer(text, lineterminator="\n")
    table.writerow(["curve", figure.layout.xaxis.title.text, figure.layout.yaxis.title.text])
    for trace in figure.data:
        table.writerows((trace.name, float(x), float(y)) for x, y in zip(trace.x, trace.y, strict=True))
    return text.getvalue()
