r"""Reading the coefficients of a function that is affine in what it is given.

    f(x, eps, ...) = a x + b eps + ... + constant

Feed it nothing, then each input alone, then all together, at every step; the differences are the coefficients. Inputs
are small (2^-6 of what would make x0_hat as large as 1), so that clamping does not act; a second reading at full size
shows it. Powers of two cost no precision. All rows hold one fixed pattern, so that a function that mixes elements or
treats them unequally is seen too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pedesis.doctor.sandbox import Asked, Draw, Failed, Served, StandIn, described, tensors
from pedesis.doctor.signatures import Call, Clock
from pedesis.utils.noise import gaussian_noise


def roundoff(dtype: torch.dtype) -> float:
    """Unit roundoff of a type, at least that of float32: most code keeps its tables in it, whatever it is given."""
    return max(torch.finfo(dtype).eps, torch.finfo(torch.float32).eps) / 2


def pattern(shape: Sequence[int]) -> Tensor:
    """Distinct numbers between 1/2 and 3/2 in magnitude, of both signs, float64."""
    count = torch.Size(shape).numel()
    size = 0.5 + (torch.arange(count, dtype=torch.float64) * 0.6180339887498949) % 1
    return (size * (1 - 2 * (torch.arange(count) % 2))).reshape(*shape)


@dataclass
class Answer:
    """What came back from one call.

    Attributes:
        outputs: tensors of the result. draws: random numbers it asked for. asked: questions to the model.
        changed: roles of arguments that it changed in place. roundoff: of the coarsest type of its results.
    """

    outputs: list[Tensor]
    draws: list[Draw]
    asked: list[Asked]
    changed: tuple[str, ...]
    roundoff: float


def call(
    function: Call, clock: Clock, steps: int, index: Tensor, inputs: Mapping[str, Tensor], more: Mapping[str, Any]
) -> Answer:
    """Call a function with rows at steps `index` (N,).

    Inputs that it has no argument for are given in other ways: a prediction through a stand-in model, noise in place
    of what it draws.

    Raises:
        Failed: it raised, or gave back nothing that is a tensor.
    """
    given = {role: value.clone() for role, value in inputs.items()}
    model = StandIn(lambda x, count: inputs["prediction"] if "prediction" in inputs else torch.zeros_like(x))

    def serve(draw: Draw, count: int, out: Tensor) -> Tensor | None:
        noise = inputs.get("noise")
        if noise is None or draw.law == "integers":
            return None
        if out.shape == noise.shape:
            return noise
        return noise[0].reshape(out.shape) if out.numel() == noise[0].numel() else None

    values = {**given, **more, "model": model, "t": clock.time(index, steps), "s": clock.time(index - 1, steps)}
    values["index"] = clock.number(index)
    mode = Served(serve)
    try:
        with mode:
            result = function(values)
    except Exception as error:  # other people's code may raise anything
        raise Failed(f"raised {described(error)}") from None
    outputs = tensors(result)
    if not any(out.is_floating_point() for out in outputs):
        raise Failed(f"gave back {type(result).__name__}, not a tensor of floating point numbers")
    changed = tuple(role for role, value in given.items() if not torch.equal(value, inputs[role]))
    coarse = max(roundoff(out.dtype) for out in outputs if out.is_floating_point())
    exact = [out.detach().to(dtype=torch.float64, device="cpu") for out in outputs]
    return Answer(exact, mode.draws, model.asked, changed, coarse)


@dataclass
class Reading:
    """The coefficients of one output, (M,) for each role, and what did not fit.

    Attributes:
        values: role -> coefficient at every step. constant: what comes of nothing, (M,), in units of the inputs.
        uneven: how far the coefficient differs between the elements of a row. curved: how far all inputs together
            differ from their sum. Both (M,), relative to the largest coefficient.
        answer: the last call.
    """

    values: dict[str, Tensor]
    constant: Tensor
    uneven: Tensor
    curved: Tensor
    answer: Answer

    @property
    def scattered(self) -> bool:
        """Whether the elements of a row differ so much that there is no coefficient."""
        return float(self.uneven.nan_to_num(1.0).max()) > 1e-2


@dataclass(frozen=True)
class Probe:
    """A function with everything that is known about how to call it.

    Attributes:
        call, clock: see `pedesis.doctor.signatures`. steps: T. roles: what it should be affine in.
        shape: of one row. more: arguments that do not vary. output: which of its results is read.
        dtype: of the inputs.
    """

    call: Call
    clock: Clock
    steps: int
    roles: tuple[str, ...]
    shape: tuple[int, ...]
    more: Mapping[str, Any]
    output: int = 0
    dtype: torch.dtype = torch.float64

    def rows(self, size: Tensor) -> dict[str, Tensor]:
        """Inputs of M (roles + 2) rows: for each of M sizes nothing, each role alone, and all together."""
        kinds = len(self.roles) + 2
        unit = pattern(self.shape).to(self.dtype)
        scaled = size.to(self.dtype).reshape(-1, 1, *[1] * len(self.shape)) * unit  # (M, 1, *shape)
        inputs = {}
        for i, role in enumerate(self.roles):
            on = torch.zeros(kinds, dtype=self.dtype)
            on[i + 1], on[-1] = 1, 1
            inputs[role] = (on.reshape(1, -1, *[1] * len(self.shape)) * scaled).flatten(0, 1)
        return inputs

    def ask(self, index: Tensor, inputs: Mapping[str, Tensor]) -> Answer:
        """One call. Raises Failed if what is to be read has another shape than the inputs."""
        answer = call(self.call, self.clock, self.steps, index, inputs, self.more)
        rows = next(iter(inputs.values()))
        if self.output >= len(answer.outputs):
            raise Failed(f"gave back {len(answer.outputs)} tensor where {self.output + 1} belong")
        out = answer.outputs[self.output]
        if out.shape != rows.shape:
            raise Failed(f"gave back the shape {tuple(out.shape)} for inputs of shape {tuple(rows.shape)}")
        return answer

    def read(self, index: Tensor, size: Tensor, together: bool) -> Reading:
        """The coefficients at steps `index` (M,), for inputs of `size` (M,).

        Args:
            together: all steps in one call, each row with its own time; else one call a step.
        """
        kinds, units = len(self.roles) + 2, pattern(self.shape)
        if together:
            answer = self.ask(index.repeat_interleave(kinds), self.rows(size))
            outputs = answer.outputs[self.output]
        else:
            found = []
            for place in range(len(index)):
                answer = self.ask(index[place].expand(kinds), self.rows(size[place : place + 1]))
                found.append(answer.outputs[self.output])
            outputs = torch.cat(found)
        scaled = outputs.reshape(len(index), kinds, -1) / size.reshape(-1, 1, 1)  # (M, kinds, elements)
        return self._reading(scaled, units.flatten(), answer)

    def _reading(self, scaled: Tensor, units: Tensor, answer: Answer) -> Reading:
        zero = scaled[:, :1]
        each = (scaled[:, 1:] - zero) / units
        single, all_together = each[:, :-1], each[:, -1]
        largest = single.abs().amax((1, 2)).clamp(min=1e-300)
        middle = single.mean(2)
        uneven = (single - middle[..., None]).abs().amax((1, 2)) / largest
        curved = (all_together - single.sum(1)).abs().amax(1) / largest
        values = {role: middle[:, i] for i, role in enumerate(self.roles)}
        return Reading(values, zero[:, 0].abs().amax(1), uneven, curved, answer)


def noise_rows(count: int, shape: Sequence[int]) -> Tensor:
    """Standard normal rows, float64, the same in every examination."""
    return gaussian_noise(17)(torch.empty(count, *shape, dtype=torch.float64))
