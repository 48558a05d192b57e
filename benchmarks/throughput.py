"""a) Training images/s and sampling evaluations/s, at equal parameters and at equal operations.

Each subject first looks for its own best setting on this machine (precision, memory layout, batch, and with
`--compile` torch.compile). Then ours and each peer are timed one right after the other, in alternating order; the
ratio is taken within each such pair.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from measure import Work, alternate, rate, summary
from subjects import PEERS, Subject, batch, largest, pedesis
from torch import nn

KINDS = ("training", "sampling")
BATCHES = {"training": (64, 128), "sampling": (64, 16, 128)}
OURS_SAMPLES_WITH = 16
"""Rows in one call of the network by `pedesis_zoo.generate`: eight pictures, both halves of the guidance."""


@dataclass(frozen=True)
class Setting:
    """How a subject is run."""

    bf16: bool
    channels_last: bool
    rows: int
    compiled: bool = False

    def __str__(self) -> str:
        words = ["bf16" if self.bf16 else "float32", "channels_last" if self.channels_last else "contiguous"]
        return ", ".join([*words, f"batch {self.rows}", *["compiled"] * self.compiled])

    def autocast(self) -> Any:
        """The context for a forward pass."""
        return torch.autocast("cpu", torch.bfloat16) if self.bf16 else nullcontext()

    def make_pipeline(self, network: nn.Module) -> nn.Module:
        """The network in this memory layout."""
        network = network.to(memory_format=torch.channels_last) if self.channels_last else network
        return torch.compile(network) if self.compiled else network


def training(subject: Subject, setting: Setting) -> Work:
    """A step: forward, backward, fused AdamW; counts 28x28 images."""
    network = setting.make_pipeline(subject.build().train())
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, fused=True)

    def step() -> float:
        x, t, label = batch(setting.rows, subject.side)
        with setting.autocast():
            output = network(_laid_out(x, setting), t, label)
        loss = (output.float() - x).square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return setting.rows * subject.picture

    return step


def sampling(subject: Subject, setting: Setting) -> Work:
    """One evaluation of the network without gradients; counts 28x28 images."""
    network = setting.make_pipeline(subject.build().eval().requires_grad_(False))
    x, t, label = batch(setting.rows, subject.side)
    x = _laid_out(x, setting)

    def evaluate() -> float:
        with torch.no_grad(), setting.autocast():
            network(x, t, label)
        return setting.rows * subject.picture

    return evaluate


def _laid_out(x: torch.Tensor, setting: Setting) -> torch.Tensor:
    return x.contiguous(memory_format=torch.channels_last) if setting.channels_last else x


def best(
    subject: Subject,
    kind: Callable[[Subject, Setting], Work],
    batches: tuple[int, ...],
    seconds: float = 0.5,
    compiled: bool = False,
) -> Setting:
    """The fastest setting: precision and layout at the first batch size, then the batch size, then compilation.

    Raises:
        ValueError: it runs in none of them.
    """
    tried: dict[Setting, float] = {}
    failed: list[str] = []

    def attempt(setting: Setting) -> None:
        try:
            work = kind(subject, setting)
            work()
            tried[setting] = rate(work, seconds)
        except Exception as error:  # a setting that this network or machine does not support
            failed.append(f"{setting}: {type(error).__name__}: {error}"[:200])
            print(f"  {subject.name}, {failed[-1]}", flush=True)
        gc.collect()

    def fastest() -> Setting:
        return max(tried, key=tried.__getitem__)

    layouts = (True,) if subject.name == "pedesis" else (False, True)
    for bf16 in (False, True):
        for channels_last in layouts:
            attempt(Setting(bf16, channels_last, batches[0]))
    if not tried:
        raise ValueError("; ".join(failed))
    for rows in batches[1:]:
        attempt(replace(fastest(), rows=rows))
    if compiled:
        attempt(replace(fastest(), compiled=True))
    chosen = fastest()
    print(f"  {subject.name} ({subject.shape}), {kind.__name__}: {chosen}, {tried[chosen]:.0f}/s", flush=True)
    return chosen


@dataclass
class Entry:
    """One line of the table: a subject, how each kind of work is done, and what was measured."""

    subject: Subject
    basis: str
    works: dict[str, Work] = field(default_factory=dict)
    found: dict[str, dict[str, Any]] = field(default_factory=dict)

    def settle(self, kind: str, batches: tuple[int, ...], seconds: float, compiled: bool) -> None:
        """Choose the best setting and warm it up."""
        make = {"training": training, "sampling": sampling}[kind]
        setting = best(self.subject, make, batches, seconds, compiled)
        self.works[kind], self.found[kind] = make(self.subject, setting), {"setting": str(setting)}
        self.works[kind]()

    def note(self, kind: str, key: str, value: float) -> None:
        """Keep a measurement."""
        self.found[kind].setdefault(key, []).append(value)

    def result(self) -> dict[str, Any]:
        """As plain data."""
        s = self.subject
        about = {"name": s.name, "basis": self.basis, "shape": s.shape, "parameters": s.parameters, "gflop": s.gflop}
        summaries = {
            kind: {key: summary(value) if isinstance(value, list) else value for key, value in found.items()}
            for kind, found in self.found.items()
        }
        return {**about, **summaries}


def entries(peers: bool) -> tuple[list[Entry], dict[str, str]]:
    """Ours first, then each peer twice; and why a peer is missing."""
    ours = pedesis()
    chosen, missing = [Entry(ours, "as shipped")], {}
    for name, candidates in PEERS.items() if peers else ():
        try:
            found = candidates()
            chosen.append(Entry(largest(found, lambda s: s.parameters, ours.parameters), "equal parameters"))
            chosen.append(Entry(largest(found, lambda s: s.gflop, ours.gflop), "equal FLOPs"))
        except Exception as error:  # anything may be wrong with somebody's installation: say what
            missing[name] = f"{type(error).__name__}: {error}"
            print(f"  {name} left out: {missing[name]}", flush=True)
    return chosen, missing


def run(deadline: float, compiled: bool = False, peers: bool = True, quick: bool = False) -> dict[str, Any]:
    """Everything above; three repetitions at least and nine at most, until `deadline` (a `time.time()`)."""
    seconds = 0.01 if quick else 0.7
    (ours, *wanted), missing = entries(peers)
    others = []
    for entry in (ours, *wanted):
        try:
            for kind in KINDS:
                entry.settle(kind, (4,) if quick else BATCHES[kind], seconds / 2, compiled)
        except ValueError as error:  # it runs in no setting at all
            missing[f"{entry.subject.name}, {entry.basis}"] = str(error)
        else:
            others += [entry] if entry is not ours else []
    as_generated = Entry(ours.subject, f"as `generate` runs it, {OURS_SAMPLES_WITH} rows")
    as_generated.settle("sampling", (OURS_SAMPLES_WITH,), seconds / 2, compiled)
    others.append(as_generated)

    repetition, lasted = 0, 0.0
    while repetition < (1 if quick else 3) or (not quick and repetition < 9 and time.time() + lasted < deadline):
        began = time.time()
        for entry in others:
            for kind in entry.works:
                mine, theirs = alternate(ours.works[kind], entry.works[kind], repetition, seconds)
                ours.note(kind, "rate", mine)
                entry.note(kind, "rate", theirs)
                entry.note(kind, "ratio", mine / theirs)
        ours.note("training", "rate", rate(ours.works["training"], seconds))  # where there is no peer beside it
        repetition, lasted = repetition + 1, time.time() - began
        print(f"  repetition {repetition}: {lasted:.0f} s", flush=True)
    return {"subjects": [entry.result() for entry in (ours, *others)], "missing": missing}
