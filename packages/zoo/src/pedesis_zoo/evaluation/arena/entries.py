"""Who meets in the arena: ours of four kinds, and those of the user.

    sampler     one of `SAMPLERS`                  grid        one of `TIMESTEP_SPACINGS`
    schedule    one of `SCHEDULES`                 guidance    (denoiser, scale) -> denoiser

Of a kind, everything else is the same for all: see `Setting`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from pedesis.denoiser import Denoiser
from pedesis.guidance import (
    AdaptiveProjectedGuidance,
    CFGPlusPlus,
    ClassifierFreeGuidance,
    Guided,
    RescaledGuidance,
)
from pedesis.process import Process
from pedesis.samplers import DDIM, SAMPLERS, DPMSolver2M, Sampler
from pedesis.samplers.timesteps import TIMESTEP_SPACINGS, LogSNR, TimestepSpacing, Uniform
from pedesis.schedules import SCHEDULES, Schedule
from pedesis.utils.modules import import_module
from pedesis.utils.noise import fixed_seed
from pedesis.utils.registry import Registry, UnknownName, shown

Rule = Callable[[Denoiser, float], Denoiser]

REGISTRIES: Mapping[str, Registry[Any]] = {"sampler": SAMPLERS, "grid": TIMESTEP_SPACINGS, "schedule": SCHEDULES}
BASES: Mapping[str, type] = {
    "sampler": Sampler,
    "grid": TimestepSpacing,
    "schedule": Schedule,
    "guidance": Guided,
}
RULES: Mapping[str, Rule] = {
    "classifier-free": ClassifierFreeGuidance,
    "rescaled": RescaledGuidance,
    "projected (APG)": AdaptiveProjectedGuidance,
    "CFG++": lambda denoiser, scale: CFGPlusPlus(denoiser, min(scale / 12.5, 1.0)),
}
"""Our rules of guidance. CFG++ has a scale of its own in [0, 1], which its paper sets beside 12.5 times as much."""


@dataclass(frozen=True)
class Setting:
    """All that a walk needs but the model: what an entry does not bring itself."""

    sampler: Sampler = field(default_factory=DPMSolver2M)
    grid: TimestepSpacing = field(default_factory=LogSNR)
    schedule: Schedule | None = None
    guidance: Rule | None = None


USUAL: Mapping[str, Setting] = {
    "sampler": Setting(),
    "grid": Setting(),
    "schedule": Setting(grid=Uniform()),
    "guidance": Setting(sampler=DDIM()),
}
"""What is the same for all entries of a kind."""


@dataclass(frozen=True)
class Entry:
    """One that takes part: its kind, its name, whether it is the user's own, and itself."""

    kind: str
    name: str
    own: bool
    thing: Any

    @property
    def setting(self) -> Setting:
        """A walk with this entry in it."""
        return replace(USUAL[self.kind], **{self.kind: self.thing})


class Retimed(TimestepSpacing):
    """The noise levels of another schedule at even steps of its own time, for a model that has one already."""

    def __init__(self, schedule: Schedule):
        self.schedule = schedule

    def spaced(self, process: Process, steps: int) -> Tensor:
        even = torch.linspace(1, 0, steps + 1, dtype=torch.float64)
        times = process.schedule.time(self.schedule.log_snr(even))
        times[0], times[-1] = 1.0, 0.0
        return torch.cat([times[:1], times[1:-1][(times[1:-1] < 1) & (times[1:-1] > 0)], times[-1:]])


def ours(kind: str) -> Iterator[Entry]:
    """Everything of a kind that is registered and can be made without arguments, in the order of its definition."""
    if kind == "guidance":
        yield from (Entry(kind, name, False, rule) for name, rule in RULES.items())
        return
    registry = REGISTRIES[kind]
    for name in registry:
        if not _required(registry[name]) and name != "learned":  # which is random until it has been trained
            yield Entry(kind, name, False, registry.build({"name": name}))


def own(thing: Any) -> list[Entry]:
    """The entries of a user: from a name in a registry, a file.py or a module, a class, an object or a function.

    Raises:
        ValueError: a file that cannot be imported or holds nothing of the four kinds, an unknown name, something else.
    """
    if isinstance(thing, str):
        if thing.endswith(".py"):
            return _defined_in(thing)
        for kind, registry in REGISTRIES.items():
            if thing in registry:
                return [Entry(kind, str(registry.named(thing)), True, registry.of(thing))]
        if thing in RULES:
            return [Entry("guidance", thing, True, RULES[thing])]
        known = [name for registry in REGISTRIES.values() for name in registry]
        raise UnknownName("sampler, grid, schedule or guidance rule, or file.py,", thing, [*known, *RULES])
    for kind, base in BASES.items():
        if isinstance(thing, type) and issubclass(thing, base):
            return [Entry(kind, _name_of(thing), True, thing if kind == "guidance" else REGISTRIES[kind].of(thing))]
        if isinstance(thing, base) and kind != "guidance":
            return [Entry(kind, _name_of(type(thing)), True, thing)]
    if callable(thing) and not isinstance(thing, type):
        return [Entry("guidance", getattr(thing, "__name__", "mine"), True, thing)]
    raise ValueError(
        "the arena takes samplers, time grids, schedules, guidance rules (denoiser, scale) -> denoiser, their names, "
        f"or a file.py that defines some; got {shown(thing)}"
    )


def _defined_in(path: str) -> list[Entry]:
    """What a file defines of the four kinds, in the order in which it does."""
    module = import_module(path)
    classes = [
        thing
        for name, thing in vars(module).items()
        if isinstance(thing, type) and thing.__module__ == module.__name__ and not name.startswith("_")
        if issubclass(thing, tuple(BASES.values())) and not inspect.isabstract(thing)
    ]
    if not classes:
        kinds = ", ".join(f"pedesis' {base.__name__}" for base in BASES.values())
        raise ValueError(f"{path} defines nothing for the arena: write a class that is a {kinds}")
    return [entry for thing in classes for entry in own(thing)]


def field_of(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """Who meets whom: for each kind of entry, the user's first, then ours that have another name."""
    mine: dict[str, list[Entry]] = {}
    for entry in entries:
        mine.setdefault(entry.kind, []).append(entry)
    for kind, some in mine.items():
        names = [entry.name for entry in some]
        if len(set(names)) < len(names):
            raise ValueError(f"two entries of the kind {kind} are called {max(names, key=names.count)!r}")
    with fixed_seed(0):
        others = {kind: list(ours(kind)) for kind in mine or ("sampler",)}
    return {
        kind: [*(own := mine.get(kind, [])), *(other for other in some if other.name not in {e.name for e in own})]
        for kind, some in others.items()
    }


def _name_of(cls: type) -> str:
    """The registered name of a class, or its own with hyphens."""
    return str(vars(cls).get("name") or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).lower())


def _required(cls: type) -> bool:
    """Whether a class cannot be made without arguments."""
    parameters = inspect.signature(cls).parameters.values()
    return any(p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)
