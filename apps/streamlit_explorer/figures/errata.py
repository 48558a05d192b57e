"""The chart of an erratum: as printed, as corrected, and as it really is."""

from __future__ import annotations

import plotly.graph_objects as go

from figures.style import ACCENT, GRAY, LOG, PALETTE, chart
from pedesis.lessons.evidence import Evidence

WRONG = PALETTE[6]


def compared(shown: Evidence) -> go.Figure:
    """The three curves of one erratum; what really happens as points, so that the corrected line shows under them."""
    figure = chart(shown.x_name, shown.y_name, height=380)
    figure.add_scatter(
        x=shown.x, y=shown.printed, name="as printed", mode="lines", line={"color": WRONG, "dash": "dash"}
    )
    figure.add_scatter(x=shown.x, y=shown.corrected, name="corrected", mode="lines", line={"color": ACCENT, "width": 3})
    every = slice(None, None, max(1, len(shown.x) // 25))
    look = {"color": GRAY, "size": 6}
    figure.add_scatter(x=shown.x[every], y=shown.really[every], name="really", mode="markers", marker=look)
    if shown.logarithmic:
        figure.update_yaxes(**LOG, dtick=1)
    return figure
