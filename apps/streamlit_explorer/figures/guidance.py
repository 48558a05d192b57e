"""Charts of the page on guidance."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from figures.plane import arrows, plane, tint
from figures.style import ACCENT, GRAY, PALETTE, WARM, animate, chart, mark
from pedesis.lessons.guidance import SCALES, Densities, Scores, Sweep
from pedesis.lessons.sampling import Points
from pedesis.lessons.schedules import Values

ARROW, DRIFTS = 0.14, 40


def scores(now: Scores, both: Densities) -> go.Figure:
    """From each point the score of all data, on its tip the push of the class, and the sum of both."""
    figure = plane(460)
    figure.add_trace(tint(both.x, both.both, "all data"))
    x, y = (c.ravel() for c in np.meshgrid(now.x, now.x))
    at = np.stack([x, y], 1)
    plain, guided = (ARROW * field.reshape(-1, 2) for field in (now.plain, now.guided))
    figure.add_trace(arrows(at, guided, "guided: the sum", ACCENT, 2.5))
    figure.add_trace(arrows(at, plain, "all data: score", GRAY))
    return figure.add_trace(arrows(at + plain, guided - plain, "scale times push", WARM))


def densities(now: Densities) -> go.Figure:
    """The guided density as a tint, over the outline of the class."""
    figure = plane(460)
    figure.add_trace(tint(now.x, now.guided, "guided"))
    return figure.add_trace(outline(now.x, now.mine, "the class"))


def outline(x: Values, density: Values, name: str) -> go.Contour:
    """A density as three lines."""
    levels = {"start": 0.15 * density.max(), "end": 0.75 * density.max(), "size": 0.3 * density.max()}
    return go.Contour(
        x=x,
        y=x,
        z=density.astype(np.float32),
        name=name,
        contours={**levels, "coloring": "none"},
        line={"color": PALETTE[2], "width": 1.2},
        showscale=False,
        showlegend=True,
        hoverinfo="skip",
    )


def samples(sweep: Sweep, x: Values, mine: Values, scale: float) -> go.Figure:
    """The samples under every scale, an animation over the scale, and where guidance moved some of them from."""
    figure = plane(600)
    plain = sweep.samples[SCALES.index(1.0)].astype(np.float32)

    def frame(points: Values, **look: object) -> list[go.Scatter]:
        moved = points.astype(np.float32)
        line = np.stack([plain, moved, np.full_like(moved, np.nan)], 1)[:DRIFTS].reshape(-1, 2)
        paths = go.Scatter(x=line[:, 0], y=line[:, 1])
        return [paths, go.Scatter(x=moved[:, 0], y=moved[:, 1])]

    shown = SCALES.index(scale)
    figure.add_traces(frame(sweep.samples[shown]))
    figure.data[0].update(name="moved by guidance", mode="lines", line={"color": GRAY, "width": 1}, hoverinfo="skip")
    look = {"size": 5, "color": ACCENT, "opacity": 0.8}
    figure.data[1].update(name="samples", mode="markers", marker=look, hoverinfo="skip")
    figure.add_trace(outline(x, mine, "the class"))
    return animate(figure, [frame(each) for each in sweep.samples], [f"scale {s:g}" for s in SCALES], shown=shown)


def trade(sweeps: Mapping[str, Sweep], scale: float) -> go.Figure:
    """Accuracy over recall, one curve for each way to guide, with the present scale marked."""
    figure = chart("recall (diversity)", "accuracy", height=290)
    now = SCALES.index(scale)
    for (name, sweep), hue in zip(sweeps.items(), (ACCENT, PALETTE[2]), strict=False):
        label = [f"scale {s:g}" for s in SCALES]
        figure.add_scatter(
            x=sweep.recall,
            y=sweep.accuracy,
            name=name,
            mode="lines+markers",
            text=label,
            line={"color": hue},
            marker={"size": 5},
            hovertemplate="%{text}: recall %{x:.2f}, accuracy %{y:.3f}",
        )
        marker = {"size": 12, "color": hue, "symbol": "diamond"}
        figure.add_scatter(
            x=sweep.recall[[now]],
            y=sweep.accuracy[[now]],
            name=f"{name}, now",
            mode="markers",
            marker=marker,
            showlegend=False,
            hoverinfo="skip",
        )
    return figure.update_layout(hovermode="closest").update_xaxes(range=[-0.03, 1.03])


def distances(sweeps: Mapping[str, Sweep], scale: float) -> go.Figure:
    """Distance from the class over the scale, one curve for each way to guide."""
    figure = chart("guidance scale", "distance from the class", height=290)
    for (name, sweep), hue in zip(sweeps.items(), (ACCENT, PALETTE[2], WARM), strict=False):
        figure.add_scatter(x=SCALES, y=sweep.distance, name=name, mode="lines+markers", line={"color": hue})
    mark(figure, scale)
    return figure.update_yaxes(rangemode="tozero")


def repaired(before: Points, after: Points, x: Values, mine: Values) -> go.Figure:
    """Samples of an imperfect model and the same under autoguidance, over the outline of the class."""
    figure = plane(440)
    figure.add_trace(outline(x, mine, "the class"))
    for points, name, hue in ((before, "the model alone", WARM), (after, "autoguided", ACCENT)):
        look = {"size": 4.5, "color": hue, "opacity": 0.75}
        figure.add_scatter(x=points[:, 0], y=points[:, 1], name=name, mode="markers", marker=look, hoverinfo="skip")
    return figure
