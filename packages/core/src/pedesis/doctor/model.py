"""model: a network, asked a few questions that no loss asks. It is copied first; the given one is left as it is."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pedesis.doctor.affine import behavior
from pedesis.doctor.probe import noise_rows
from pedesis.doctor.report import Finding, plural
from pedesis.doctor.sandbox import described, tensors
from pedesis.doctor.signatures import Call, Question, calls

WANTED, OPTIONAL = ("x_t",), ("t", "labels")
SAME = 1e-3
"""Relative difference below which two answers are the same but for the order of summation in float32."""


@dataclass(frozen=True)
class Patient:
    """A copy of a network, and how it is asked.

    Attributes:
        shares: whether it is told t / T; else a step that counts from `base`.
    """

    network: nn.Module
    call: Call
    steps: int
    base: int
    shares: bool

    def __call__(self, x: Tensor, step: int, label: int = 0) -> Tensor:
        """Its answer to rows x at one step (1..T)."""
        rows = len(x)
        share = torch.full((rows,), step / self.steps, dtype=x.dtype)
        t = share if self.shares else torch.full((rows,), step - 1 + self.base)
        values = {"x_t": x, "t": t, "labels": torch.full((rows,), label)}
        outputs = tensors(self.call(values))
        if not outputs:
            raise TypeError("the model gives back nothing that is a tensor")
        return outputs[0]


def examine_model(network: Any, shape: tuple[int, ...], steps: int, base: int, shares: bool) -> list[Finding]:
    """Findings about a network, in the mode and type in which it is."""
    if not isinstance(network, nn.Module):
        raise Question(f"model is a {type(network).__name__}; give a torch.nn.Module")
    patient = patient_of(network, steps, base, shares)
    dtype = next((p.dtype for p in network.parameters() if p.is_floating_point()), torch.float32)
    x = noise_rows(3, shape).to(dtype)
    try:
        answer = patient(x, max(1, steps // 2))
    except Exception as error:  # other people's code may raise anything
        return [Finding("model", f"model raised {described(error)} for x of shape {tuple(x.shape)}")]
    if not bool(answer.isfinite().all()):
        return [Finding("model", f"model answers NaN or infinity to standard normal numbers at t = {steps // 2}")]
    if answer.shape[0] != 3 or answer.shape[2:] != x.shape[2:] or answer.shape[1] not in (x.shape[1], 2 * x.shape[1]):
        return [Finding("model", f"model answers in the shape {tuple(answer.shape)} to x of shape {tuple(x.shape)}")]
    if not bool(answer.any()):
        return [
            Finding("model", "answers 0 to everything, as a fresh network may: examine it after training", level="note")
        ]
    checks: tuple[Callable[[Patient, Tensor], list[Finding]], ...] = (mode, mates, clock, condition, reached, half)
    return [finding for check in checks for finding in check(patient, x)]


def patient_of(network: nn.Module, steps: int, base: int, shares: bool) -> Patient:
    """A copy of a network on the CPU. Raises Question if it cannot be copied, or its arguments are unknown."""
    try:
        twin = copy.deepcopy(network).cpu()
    except Exception as error:
        raise Question(
            f"model cannot be copied ({described(error)}); give one that can, so that yours is not touched"
        ) from None
    (way, *_) = calls("model", twin.forward, WANTED, OPTIONAL)
    return Patient(twin, Call(twin, way.positional, way.keywords), steps, base, shares)


def distance(one: Tensor, other: Tensor) -> float:
    """Relative difference of two answers."""
    return float((one - other).double().norm() / (one.double().norm() + other.double().norm() + 1e-300))


def middle(patient: Patient) -> int:
    """A step at half the way."""
    return max(1, patient.steps // 2)


def mode(patient: Patient, x: Tensor) -> list[Finding]:
    """Whether it answers the same twice."""
    first, second = (patient(x, middle(patient)) for _ in "ab")
    if distance(first, second) < SAME:
        return []
    patient.network.eval()
    first, second = (patient(x, middle(patient)) for _ in "ab")
    patient.network.train()
    if distance(first, second) < SAME:
        return [
            behavior(
                "model", "left-in-training-mode", "two answers to the same question differ, and agree after eval()"
            )
        ]
    return [
        Finding(
            "model", "two answers to the same question differ, after eval() too: it keeps a state, or draws numbers"
        )
    ]


def mates(patient: Patient, x: Tensor) -> list[Finding]:
    """Whether a row's answer depends on other rows; dropout aside."""
    was = {name: module.training for name, module in patient.network.named_modules()}
    for module in patient.network.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.eval()
    together = patient(x, middle(patient))
    try:
        alone = torch.cat([patient(row[None], middle(patient)) for row in x])
    except Exception as error:
        sentence = f"a batch of 1 raises {described(error)}"
        return [behavior("model", "depends-on-batch-mates", sentence)]
    finally:
        for name, module in patient.network.named_modules():
            module.training = was[name]
    if distance(together, alone) < SAME:
        return []
    sentence = f"the answers to three pictures differ by {distance(together, alone):.1%} from those to each alone"
    return [behavior("model", "depends-on-batch-mates", sentence)]


def clock(patient: Patient, x: Tensor) -> list[Finding]:
    """Whether it tells neighboring steps from each other."""
    if "t" not in patient.call.roles:
        return [
            Finding("model", "is not told the time: its answer is the best for all noise levels at once", level="note")
        ]
    patient.network.eval()
    pairs = [
        step for step in (1, patient.steps // 4, patient.steps // 2, patient.steps - 1) if 1 <= step < patient.steps
    ]
    if pairs and all(distance(patient(x, step), patient(x, step + 1)) < 1e-7 for step in pairs):
        what = "t = 1/T and 2/T" if patient.shares else f"t = {patient.base} and {patient.base + 1}"
        return [behavior("model", "blind-to-time", f"it answers the same at {what}, and at other neighbors")]
    return []


def condition(patient: Patient, x: Tensor) -> list[Finding]:
    """Whether a label changes the answer."""
    if "labels" not in patient.call.roles:
        return []
    patient.network.eval()
    try:
        apart = distance(patient(x, middle(patient), 0), patient(x, middle(patient), 1))
    except Exception as error:
        return [Finding("model", f"model raised {described(error)} for the labels 0 and 1")]
    return [behavior("model", "blind-to-the-condition", "labels 0 and 1 give the same answer")] if apart < 1e-7 else []


def reached(patient: Patient, x: Tensor) -> list[Finding]:
    """Whether a gradient reaches every parameter."""
    patient.network.zero_grad(set_to_none=True)
    with torch.enable_grad():
        try:
            (patient(x, middle(patient), 1) - x.mean()).square().mean().backward()
        except Exception as error:
            return [Finding("model", f"no gradient can be taken: {described(error)}")]
    without = [name for name, p in patient.network.named_parameters() if p.requires_grad and p.grad is None]
    if not without:
        return []
    sentence = f"{plural(len(without), 'parameter')} without a gradient: {', '.join(without[:3])}"
    return [behavior("model", "unreached-parameters", sentence + (" ..." if len(without) > 3 else ""))]


def half(patient: Patient, x: Tensor) -> list[Finding]:
    """A note if it overflows in half precision."""
    patient.network.eval()
    try:
        patient.network.half()
        answer = patient(x.half(), middle(patient))
    except Exception:
        return []  # not every machine and layer can
    if bool(answer.isfinite().all()):
        return []
    return [Finding("model", "answers NaN or infinity in float16; use bfloat16 or float32", level="note")]
