"""data: a batch of pictures, or (pictures, labels), as the network would get it; formulas expect about -1 to 1."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from pedesis.doctor.affine import behavior
from pedesis.doctor.report import Finding, plural
from pedesis.doctor.signatures import Question

CHANNELS = (1, 2, 3, 4)
LOUD, FAINT = 2.0, 0.05
"""Root mean squares of data beyond which noise of variance 1 is hardly seen, or hides everything at once."""


def pictures_of(batch: Any) -> tuple[Tensor, Any]:
    """(pictures, labels or None). Raises Question for what is no array."""
    pictures, labels = batch if isinstance(batch, (tuple, list)) and len(batch) == 2 else (batch, None)
    if isinstance(pictures, np.ndarray):
        pictures = torch.from_numpy(pictures)
    if not isinstance(pictures, Tensor) or pictures.ndim < 2 or pictures.numel() == 0:
        raise Question(f"data is a {type(pictures).__name__}; give a batch as a tensor (B, ...), or (batch, labels)")
    return pictures.detach().cpu(), labels


def examine_data(batch: Any) -> list[Finding]:
    """Findings about range, scale, order of axes, and pictures that hold nothing."""
    pictures, labels = pictures_of(batch)
    values = pictures.double()
    finite = values.isfinite()
    if not bool(finite.all()):
        rows = int((~finite.flatten(1).all(1)).sum())
        return [Finding("data", f"{plural(rows, 'picture')} of {len(values)} hold NaN or infinity")]
    found = [*span(pictures, values), *axes(values), *constant(values), *labeled(labels, len(values))]
    rms, mean = float(values.square().mean().sqrt()), float(values.mean())
    low, high = float(values.min()), float(values.max())
    size = f"{len(values)} of shape {tuple(values.shape[1:])}"
    note = f"{size}, {low:.3g} to {high:.3g}, mean {mean:.2g}, root mean square {rms:.2g}"
    return [*found, Finding("data", note, level="note")]


def span(pictures: Tensor, values: Tensor) -> list[Finding]:
    """A finding if the values are not those of data with a root mean square near 1."""
    low, high, rms = float(values.min()), float(values.max()), float(values.square().mean().sqrt())
    sentence = f"values run from {low:.3g} to {high:.3g}"
    if not pictures.is_floating_point() or (low >= 0 and 10 < high <= 255):
        return [behavior("data", "data-0-to-255", f"{sentence}, type {str(pictures.dtype).removeprefix('torch.')}")]
    if low >= 0 and high <= 1 and high > 0:
        return [behavior("data", "data-0-to-1", sentence)]
    if rms > LOUD or rms < FAINT:
        return [behavior("data", "data-of-another-scale", f"the root mean square of the data is {rms:.3g}")]
    return []


def axes(values: Tensor) -> list[Finding]:
    """A finding if the channels come last."""
    if values.ndim == 4 and values.shape[-1] in CHANNELS and values.shape[1] not in CHANNELS:
        return [behavior("data", "channels-last", f"the batch has the shape {tuple(values.shape)}")]
    return []


def constant(values: Tensor) -> list[Finding]:
    """A finding if a picture is one value, or all pictures are the same."""
    rows = values.flatten(1)
    flat = int((rows == rows[:, :1]).all(1).sum()) if rows.shape[1] > 1 else 0
    if flat:
        return [behavior("data", "constant-pictures", f"{plural(flat, 'picture')} of {len(rows)} hold a single value")]
    if len(rows) > 1 and bool((rows == rows[:1]).all()):
        return [Finding("data", f"all {len(rows)} pictures are the same")]
    return []


def labeled(labels: Any, rows: int) -> list[Finding]:
    """A finding if labels do not fit the pictures."""
    if labels is None:
        return []
    labels = torch.as_tensor(labels)
    if labels.shape[:1] != (rows,):
        return [Finding("data", f"there are {labels.shape[0] if labels.ndim else 1} labels for {rows} pictures")]
    if rows > 7 and labels.ndim == 1 and labels.unique().numel() == 1:
        return [Finding("data", f"all {rows} labels are {labels[0].item():g}: the batch is not mixed", level="warning")]
    return []
