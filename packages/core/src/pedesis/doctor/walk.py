"""The walk of a sampling loop as it was seen: we are the model, and serve the noise.

Rows: nothing; one that begins at x_T = h and is never disturbed; one disturbed by predictions only; one by noise only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pedesis.doctor.formulas import TARGET, SigmaChain, evaluate
from pedesis.doctor.probe import pattern
from pedesis.doctor.sandbox import Asked, Draw, Failed, Served, StandIn, described, elsewhere, tensors
from pedesis.doctor.signatures import Call
from pedesis.doctor.step import size_of_inputs
from pedesis.process import Chain

ROWS = ("nothing", "x_t", "prediction", "noise")


@dataclass(frozen=True)
class Walk:
    """What was asked on the way, in groups of one time, and where it ended.

    Attributes:
        times: as the model was told them. states: x at each of them, and the result; (rows, elements) each.
        sizes, noises: of prediction and noise at each. elsewhere: whether numpy or Python drew random numbers.
        rounded: whether the result was made of whole numbers. fresh: how many steps drew noise.
    """

    times: list[float]
    states: list[Tensor]
    sizes: list[float]
    noises: list[float]
    draws: list[Draw]
    elsewhere: bool = False
    rounded: bool = False
    fresh: int = 0

    def without_the_end(self) -> Walk:
        """The same up to the last question."""
        lists = {name: getattr(self, name)[:-1] for name in ("times", "states", "sizes", "noises")}
        return replace(self, **lists, rounded=False)


def indices(times: Sequence[float], base: int | None, chain: Chain) -> Tensor:
    """The steps 1..T that the model was told, as numbers, as sigmas (0 for other ones) or as shares of 1: t / T of t
    from 1 or from 0, or (t - 1) / (T - 1)."""
    told, steps = torch.tensor(times, dtype=torch.float64), len(chain.beta) - 1
    if isinstance(chain, SigmaChain):
        apart = (told[:, None] / chain.sigma[1:] - 1).abs()
        return torch.where(apart.amin(1) < 1e-3, apart.argmin(1) + 1, 0)
    if bool((told <= 1).all()) and (bool((told != told.round()).any()) or (steps > 1 and times[0] == 1)):
        ends = bool((told == 0).any())
        if ends and times[0] == 1:
            return (told * (steps - 1)).round().long() + 1
        from_0 = ends or abs(float(told[0]) * steps - (steps - 1)) < 1e-3
        return (told * steps).round().long() + from_0
    if base is None:
        base = 1 if float(told.max()) == steps else 0
    return told.long() + 1 - base


def walked(way: Call, loop: Loop) -> Walk:
    """One run of the loop, with a batch of one row of each kind.

    Raises:
        Failed: it raised, never asked the model, or gave back another shape.
    """
    chain, shape, rows, before = loop.chain, tuple(loop.unit.shape), len(ROWS), elsewhere()
    model, mode = StandIn(loop.answer), Served(loop.serve)
    like = torch.empty(rows, *shape, dtype=torch.float64)
    loop.asked, loop.begun = model.asked, "x_t" in way.roles
    values = {"model": model, "shape": (rows, *shape), "count": rows, "image_size": shape[-1], "channels": shape[0]}
    if {"shape", "count"} <= set(way.roles):
        values["shape"] = shape
    values |= {"labels": torch.zeros(rows, dtype=torch.long), "steps": len(chain.beta) - 1, "x_t": loop.start(like)}
    if isinstance(chain, SigmaChain):
        values |= {"x_t": chain.sigma[-1] * loop.start(like), "sigmas": chain.sigma.flip(0)}
    try:
        with mode:
            result = way(values)
    except Failed:
        raise
    except Exception as error:  # other people's code may raise anything
        raise Failed(f"raised {described(error)}") from None
    outputs = [out for out in tensors(result) if out.shape == (rows, *shape)]
    if not outputs or not model.asked:
        shapes = ", ".join(str(tuple(out.shape)) for out in tensors(result)) or type(result).__name__
        raise Failed(f"gave back {shapes} for the shape {(rows, *shape)}" if model.asked else "never asked the model")
    states = [model.asked[i].x[:rows].double().reshape(rows, -1) for i in loop.first]
    states.append(outputs[-1].double().reshape(rows, -1))
    noises = [loop.noises.get(i, size) for i, size in enumerate(loop.sizes)]
    return Walk(
        loop.told,
        states,
        loop.sizes,
        noises,
        mode.draws,
        before != elsewhere(),
        not outputs[-1].is_floating_point(),
        len(loop.noises),
    )


class Loop:
    """The model and the noise of a walk, on our side of it.

    Attributes:
        told: the times the model was told, one for each run of equal ones; first: the question at which each begins.
        sizes: of the prediction at each, in turn positive and negative: what they leave behind stays small.
        noises: of the noise of the step at each. begun: whether x_T was drawn or given.
        early: whether the noise of a step is drawn before the model is asked, as the second draw tells.
    """

    def __init__(self, base: int | None, chain: Chain, shape: tuple[int, ...]):
        self.base, self.chain, self.unit = base, chain, pattern(shape)
        self.told: list[float] = []
        self.first: list[int] = []
        self.sizes: list[float] = []
        self.noises: dict[int, float] = {}
        self.begun = self.early = False
        self.asked: Sequence[Asked] = ()

    def row(self, kind: str, size: float, like: Tensor) -> Tensor:
        """The rows of which only the one of this kind is not zero; again and again for a batch of several such."""
        on = torch.zeros(len(ROWS), dtype=torch.float64)
        on[ROWS.index(kind)] = size
        values = on.reshape(-1, *[1] * self.unit.ndim) * self.unit
        whole = len(like) % len(ROWS) == 0
        return values.repeat(len(like) // len(ROWS), *[1] * self.unit.ndim) if whole else values[:1].expand_as(like)

    def answer(self, x: Tensor, count: int) -> Tensor:
        """What the model says."""
        told = self.asked[-1].t
        if told is None:
            raise Failed("asks the model without telling it the time")
        now = float(torch.as_tensor(told, dtype=torch.float64).flatten()[0])
        if not self.told or now != self.told[-1]:
            steps = len(self.chain.beta) - 1
            index = indices([*self.told[:1], now], self.base or 0, self.chain)[-1:].clamp(1, steps)
            sign = -1 if self.sizes and self.sizes[-1] > 0 else 1
            self.sizes.append(sign * float(size_of_inputs(self.chain, index)))
            self.told.append(now)
            self.first.append(count)
        return self.row("prediction", self.sizes[-1], x)

    def serve(self, draw: Draw, count: int, out: Tensor) -> Tensor | None:
        """What a draw gives: x_T first, then noise."""
        if draw.law == "integers" or out.shape[1:] != self.unit.shape:
            return None
        if not self.begun:
            self.begun = True
            return self.start(out)
        self.early = self.early or not self.asked
        size = self.sizes[-1] if self.sizes else float(size_of_inputs(self.chain, self.last))
        self.noises[len(self.told) - (not self.early)] = size
        return self.row("noise", size, out)

    @property
    def last(self) -> Tensor:
        """The step T, (1,)."""
        return torch.tensor([len(self.chain.beta) - 1])

    def start(self, like: Tensor) -> Tensor:
        """Where a walk begins, in place of standard normal noise."""
        return self.row("x_t", float(size_of_inputs(self.chain, self.last)), like)


class Large(Loop):
    """A walk at full size: a model whose x_0_hat is always small, and noise that is large.

    What is clamped to the range of x_0 at every step is then felt, and clamping x_0_hat is not.
    """

    def __init__(self, base: int | None, chain: Chain, shape: tuple[int, ...], prediction: str):
        super().__init__(base, chain, shape)
        self.prediction, self.predictions = prediction, list[Tensor]()

    def answer(self, x: Tensor, count: int) -> Tensor:
        """The prediction that means half of the pattern."""
        before = len(self.told)
        super().answer(x, count)
        index = indices([self.told[0], self.told[-1]], self.base or 0, self.chain)[-1].clamp(
            1, len(self.chain.beta) - 1
        )
        x0, bar = 0.5 * self.unit.expand_as(x) / self.unit.abs().max(), self.chain.alpha_bar[index]
        alpha, std = (
            (1.0, self.chain.sigma[index]) if isinstance(self.chain, SigmaChain) else (bar.sqrt(), (1 - bar).sqrt())
        )
        eps = (x.double() - alpha * x0) / std
        answer: Tensor = evaluate(TARGET[self.prediction], {"x0": x0, "noise": eps, "alpha_bar": bar})
        if len(self.told) > before:
            self.predictions.append(answer.reshape(len(x), -1))
        return answer

    def serve(self, draw: Draw, count: int, out: Tensor) -> Tensor | None:
        """Large numbers always, so that x_t stays large on the way."""
        served = super().serve(draw, count, out)
        return None if served is None else self.start(out)

    def start(self, like: Tensor) -> Tensor:
        """Six times what noise would be, in every row."""
        return (6 * self.unit / self.unit.abs().max()).expand_as(like)
