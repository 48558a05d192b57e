"""Calling other people's code safely: the random numbers it draws are ours, and nothing outside is changed by it.

A function that draws its own noise is as good to examine as one that is given it: every draw of torch is intercepted
and answered with numbers of our choice. A function that takes a model is given a stand-in that answers what we choose
and writes down what it was asked.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

NORMAL = {"randn", "randn_like", "normal_", "normal"}
UNIFORM = {"rand", "rand_like", "uniform_"}
INTEGERS = {"randint", "randint_like", "random_", "multinomial", "randperm"}


@dataclass(frozen=True)
class Draw:
    """A call of a random function: "normal", "uniform" or "integers", the shape of its result, its arguments."""

    law: str
    shape: tuple[int, ...]
    arguments: tuple[Any, ...]


Serve = Callable[[Draw, int, Tensor], Tensor | None]
"""(draw, how many of its law came before, what torch drew) -> what to give instead; None for torch's own."""


class Served(TorchFunctionMode):
    """While active, the random functions of torch give what `serve` says."""

    def __init__(self, serve: Serve):
        super().__init__()
        self.serve = serve
        self.draws: list[Draw] = []
        self.before: Counter[str] = Counter()

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "")
        for law, names in (("normal", NORMAL), ("uniform", UNIFORM), ("integers", INTEGERS)):
            if name in names and isinstance(out, Tensor):
                return self._answer(Draw(law, tuple(out.shape), args), name, out, args, kwargs or {})
        return out

    def _answer(self, draw: Draw, name: str, out: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
        with torch._C.DisableTorchFunction():
            before = self.before[draw.law]
            self.before[draw.law] += 1
            self.draws.append(draw)
            given = self.serve(draw, before, out)
            if given is None:
                return out
            given = given.to(out).expand_as(out)
            if name in ("normal", "normal_"):
                shift = 1 if name == "normal_" else 0
                mean = kwargs.get("mean", args[shift] if len(args) > shift else 0.0)
                std = kwargs.get("std", args[shift + 1] if len(args) > shift + 1 else 1.0)
                given = mean + given * (std if isinstance(std, (int, float, Tensor)) else 1.0)
            return out.copy_(given) if name.endswith("_") else given.clone()


@dataclass(frozen=True)
class Asked:
    """A question to the stand-in: the noisy input, the time as it came, and what else was given."""

    x: Tensor
    t: Any
    more: tuple[Any, ...]


class StandIn(nn.Module):
    """A model that answers what it is told to, and remembers what it was asked.

    Args:
        answer: (x, how many questions came before) -> prediction, of the shape of x.
    """

    def __init__(self, answer: Callable[[Tensor, int], Tensor]):
        super().__init__()
        self.answer = answer
        self.asked: list[Asked] = []
        self.weight = nn.Parameter(torch.zeros(1, dtype=torch.float64))  # for code that looks for a device or a type

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """Any signature: the first floating tensor with a batch is x, the next number or tensor is the time."""
        given = [*args, *kwargs.values()]
        at = next(
            (i for i, v in enumerate(given) if isinstance(v, Tensor) and v.is_floating_point() and v.ndim > 1), None
        )
        if at is None:
            raise ValueError("the model was not given a batch of pictures")
        x, rest = given[at], [v for i, v in enumerate(given) if i != at]
        self.asked.append(Asked(x.detach().clone(), rest[0] if rest else None, tuple(rest[1:])))
        return self.answer(x, len(self.asked) - 1).to(x)


@contextmanager
def isolated() -> Iterator[None]:
    """No gradients; the global random states of torch, numpy and Python are put back, whatever the code inside does."""
    numbers, own = np.random.get_state(), random.getstate()  # noqa: NPY002 - to put it back
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(0)
            np.random.seed(0)  # noqa: NPY002
            random.seed(0)
            yield
    finally:
        np.random.set_state(numbers)  # noqa: NPY002
        random.setstate(own)


def elsewhere() -> str:
    """The states of the random numbers of numpy and Python: another one after a call that drew some."""
    name, keys, place, *_ = np.random.get_state()  # noqa: NPY002 - to see it
    return f"{name} {hash(np.asarray(keys).tobytes())} {place} {hash(random.getstate())}"


class Failed(Exception):
    """Other people's code did not do what it should; the message is a clause."""


def tensors(result: Any) -> list[Tensor]:
    """The tensors of a result: itself, or the members of a tuple, a dictionary or an object of tensors."""
    if isinstance(result, Tensor):
        return [result]
    if isinstance(result, np.ndarray):
        return [torch.from_numpy(result)]
    if isinstance(result, dict):
        return tensors(list(result.values()))
    if isinstance(result, Sequence) and not isinstance(result, str):
        return [each for member in result for each in tensors(member)]
    if hasattr(result, "prev_sample"):
        return tensors(result.prev_sample)
    if isinstance(result, (int, float)) and not isinstance(result, bool):
        return [torch.tensor(float(result), dtype=torch.float64)]
    return []


def described(error: BaseException) -> str:
    """An exception as a clause of one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:160]}{'...' if len(text) > 160 else ''}"
