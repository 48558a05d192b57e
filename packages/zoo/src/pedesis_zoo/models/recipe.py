"""What a model of the zoo is, as plain data: how it was made, how to use it, and the hash of its weights.

A recipe imports nothing heavy, so that models can be listed without loading torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Spec = Mapping[str, Any]
KINDS = ("image", "points", "super-resolution", "clean-classifier", "noisy-classifier", "attribute-classifier")
"""Of models: three of denoisers, three of classifiers."""


@dataclass(frozen=True)
class Generation:
    """The settings that suit a model: what `generate` uses where nothing else is said."""

    sampler: str = "dpm++2m"
    steps: int = 10
    grid: str = "uniform"
    guidance: float = 2.0  # 0 unconditional, 1 plain conditional, more is stronger
    interval: tuple[float, float] | None = None  # log-SNR between which guidance above 1 acts; None: everywhere
    scales: tuple[float, float] = (0.0, 100.0)  # of guidance; a student knows those that it learned


@dataclass(frozen=True)
class Recipe:
    """One model; `kind` is one of `KINDS`."""

    title: str  # one line for lists
    kind: str
    data: str  # name of the data set
    network: Spec  # of `pedesis.nn.NETWORKS`
    sha256: str  # of weights.safetensors; a published model's weights never change without a new hash
    process: Spec | None = None  # of `pedesis.process.Process`
    parameterization: str = "v"
    data_std: float = 1.0
    loss: Spec = field(default_factory=dict)  # `name` of an objective ("denoising") and its arguments
    training: Spec = field(default_factory=dict)  # arguments of `pedesis.training.TrainConfig`
    generation: Generation = Generation()
    license: str = "Apache-2.0"
    trained_with: str = ""  # the command, if it is not `python -m pedesis_zoo train NAME`
    hardware: str = "one or two cores of an x86-64 server processor, beside other work; bfloat16"
    notes: str = ""  # what to know before using it
