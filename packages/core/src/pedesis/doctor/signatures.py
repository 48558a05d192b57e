"""How other people's functions want to be called: which argument is which, and what they mean by t.

Names settle most arguments; what they leave open is tried out, and asked for where that does not settle it. The time
may be an integer tensor with one entry per row, one number, or a share of 1, counted from 0 or from 1.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

ROLES: Mapping[str, tuple[str, ...]] = {
    role: tuple(names.split())
    for role, names in {
        "x0": "x0 x_0 x_start xstart x_clean clean original original_samples x0_hat x_0_hat pred_x0 pred_xstart "
        "x_recon x0_pred images image batch data img imgs",
        "x_t": "x_t xt x_k z_t zt x_noisy noisy noisy_samples sample latents current",
        "t": "t timestep timesteps time time_step ts step steps k n sigma sig sigma_t sigma_from sigma_hat",
        "s": "s t_prev prev_t t_next next_t prev_timestep timestep_prev t_minus_1 sigma_next next_sigma sigma_prev "
        "sigma_to",
        "sigmas": "sigmas",
        "index": "t_index index i idx time_index",
        "noise": "noise z random_noise rand gaussian_noise",
        "prediction": "prediction pred model_output model_out output noise_pred pred_noise eps_pred eps_hat eps_theta "
        "denoised predicted_noise noise_prediction e_t et v v_pred predicted",
        "model": "model net network unet denoiser denoise_fn model_fn eps_model nn denoise_model",
        "shape": "shape size batch_shape sample_shape img_shape image_shape",
        "count": "n num_samples n_samples batch_size num_images n_sample nsamples b",
        "image_size": "image_size img_size resolution h",
        "channels": "channels n_channels in_channels num_channels",
        "steps": "num_steps n_steps num_timesteps num_inference_steps sampling_timesteps big_t",
        "labels": "labels label y classes c condition cond context class_labels",
        "conditional": "conditional cond c eps_cond cond_pred noise_pred_text pred_cond cond_eps noise_cond eps_c text "
        "conditioned positive noise_pred_cond logits",
        "unconditional": "unconditional uncond u eps_uncond uncond_pred noise_pred_uncond pred_uncond uncond_eps "
        "noise_uncond eps_u null unconditioned negative null_logits",
        "scale": "scale guidance_scale cfg_scale s w guidance gamma weight cond_scale cfg guidance_weight guide_w g",
    }.items()
}
"""Names by which each role is known."""

AMBIGUOUS: Mapping[str, tuple[str, ...]] = {
    "eps": ("prediction", "noise"),
    "epsilon": ("prediction", "noise"),
    "e": ("prediction", "noise"),
    "noise": ("noise", "prediction"),
    "x": ("x0", "x_t"),
    "z": ("noise", "x_t"),
    "img": ("x0", "x_t"),
    "sample": ("x_t", "x0"),
    "i": ("t", "index"),
    "x_start": ("x0", "prediction"),
    "x0": ("x0", "prediction"),
}
"""Names that mean one thing or another, by what else is there."""


class Question(Exception):
    """What the doctor has to ask, as a sentence."""


@dataclass(frozen=True)
class Call:
    """A function, and the role of each of its arguments."""

    function: Callable[..., Any]
    positional: tuple[str, ...]
    keywords: tuple[tuple[str, str], ...] = ()

    @property
    def roles(self) -> tuple[str, ...]:
        """Every role that it takes."""
        return (*self.positional, *(role for _, role in self.keywords))

    def __call__(self, values: Mapping[str, Any]) -> Any:
        return self.function(
            *(values[role] for role in self.positional), **{name: values[role] for name, role in self.keywords}
        )


class Twice(nn.Module):
    """A network of twice the channels: its prediction, and -1 for a variance, which stands for the smallest."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """As the model is called."""
        out = self.model(*args, **kwargs)
        return torch.cat([out, -torch.ones_like(out)], 1)


@dataclass(frozen=True)
class WithVariance(Call):
    """A function whose network answers a variance too (Nichol and Dhariwal 2021)."""

    def __call__(self, values: Mapping[str, Any]) -> Any:
        return super().__call__({**values, "model": Twice(values["model"])})


def with_variance(ways: Sequence[Call]) -> list[Call]:
    """The same ways for a network that answers a variance too, where there is a network."""
    return [WithVariance(way.function, way.positional, way.keywords) for way in ways if "model" in way.roles]


def calls(subject: str, function: Callable[..., Any], wanted: Sequence[str], optional: Sequence[str]) -> list[Call]:
    """The ways in which a function may be meant, likeliest first.

    Args:
        wanted: roles that it must take; optional: roles that it may take.

    Raises:
        Question: an argument that fits no role.
    """
    if not callable(function):
        raise Question(f"{subject} is a {type(function).__name__}; give a function")
    parameters = _parameters(function)
    if parameters is None:
        return [Call(function, tuple(wanted))]
    known = (*wanted, *optional)
    options = [_options(parameter.name, known) for parameter in parameters]
    ways, seen = [], set()
    for chosen in _assignments(parameters, options, wanted, known):
        call = _bound(function, parameters, chosen)
        if call.roles not in seen:
            seen.add(call.roles)
            ways.append(call)
    if not ways:
        names = ", ".join(parameter.name for parameter in parameters)
        raise Question(
            f"which argument of {subject}({names}) is {_listed(wanted)}? {_advice(subject, function, wanted, optional)}"
        )
    return ways[:12]


def declared(function: Callable[..., Any], roles: Sequence[str]) -> Call:
    """The call that a person has spelled out."""
    return Call(function, tuple(roles))


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter] | None:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None
    if any(parameter.kind is inspect.Parameter.VAR_POSITIONAL for parameter in parameters):
        return None
    return [parameter for parameter in parameters if parameter.kind is not inspect.Parameter.VAR_KEYWORD]


def _options(name: str, known: Sequence[str]) -> list[str]:
    """The roles that a name may have; all of them if it says nothing."""
    lower = name.lower().lstrip("_")
    meant = [role for role in AMBIGUOUS.get(lower, ()) if role in known]
    meant += [role for role in known if lower in ROLES[role] and role not in meant]
    return meant or ["?"]


def _assignments(
    parameters: Sequence[inspect.Parameter], options: Sequence[list[str]], wanted: Sequence[str], known: Sequence[str]
) -> Iterator[tuple[str | None, ...]]:
    """Roles for the parameters: named ones as their names say, the nameless the rest; None leaves a default alone."""
    named: list[tuple[str | None, ...]] = []
    free = [parameter.default is not inspect.Parameter.empty for parameter in parameters]
    spread = [[*(o for o in each if o != "?"), *([None] if optional or each == ["?"] else [])]
              for each, optional in zip(options, free, strict=True)]  # fmt: skip
    for chosen in itertools.product(*spread):
        given = [role for role in chosen if role]
        if len(given) == len(set(given)):
            named.append(chosen)
    named.sort(key=lambda chosen: -sum(role is not None for role in chosen))
    for chosen in named:
        holes = [i for i, role in enumerate(chosen) if role is None and not free[i]]
        left = [role for role in wanted if role not in chosen]
        spare = [role for role in known if role not in chosen and role not in left]
        if len(holes) < len(left):
            continue
        for filled in itertools.permutations([*left, *spare], len(holes)):
            if set(left) <= set(filled):
                complete = list(chosen)
                for hole, role in zip(holes, filled, strict=True):
                    complete[hole] = role
                yield tuple(complete)


def _bound(function: Callable[..., Any], parameters: Sequence[inspect.Parameter], chosen: Sequence[str | None]) -> Call:
    positional, keywords, skipped = [], [], False
    for parameter, role in zip(parameters, chosen, strict=True):
        if role is None:
            skipped = True
        elif skipped or parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            keywords.append((parameter.name, role))
        else:
            positional.append(role)
    return Call(function, tuple(positional), tuple(keywords))


def _advice(subject: str, function: Callable[..., Any], wanted: Sequence[str], optional: Sequence[str]) -> str:
    """How to answer the question which argument is which."""
    if "model" in wanted and inspect.ismethod(function):
        rest = ", ".join(role for role in wanted if role != "model")
        return (
            f"A method that asks a network of its own is wrapped: def {subject}({', '.join(wanted)}): "
            f"this.model = model; return this.{function.__name__}({rest}), with `this` your object"
        )
    wrap = f"{subject}=lambda {', '.join(wanted)}: ..."
    count = len(_parameters(function) or wanted)
    if count < len(wanted):
        return f"It has too few; wrap it in one that has all: {wrap}"
    return f"Say so: arguments={{{subject!r}: {(*wanted, *optional)[:count]!r}}}, in its own order, or wrap it: {wrap}"


def _listed(roles: Sequence[str]) -> str:
    return ", which ".join(roles)


@dataclass(frozen=True)
class Clock:
    """What a function means by t.

    Attributes:
        kind: "rows" (an integer per row), "share of rows" (i/T per row), "int", "tensor" (0-d), "share" (a float).
        base: the number by which step 1, the one next to the data, is called.
    """

    kind: str
    base: int

    @property
    def per_row(self) -> bool:
        """Whether rows may have times of their own."""
        return self.kind in ("rows", "share of rows")

    def number(self, index: Tensor) -> int:
        """What a loop counts at the step of the first row."""
        return int(index[0]) - 1 + self.base

    def time(self, index: Tensor, steps: int) -> Any:
        """The argument for rows at step `index` (N,), 0..T."""
        number = index - 1 + self.base
        if self.kind == "rows":
            return number
        if self.kind == "share of rows":
            return index.double() / steps
        first = int(number[0])
        if self.kind == "int":
            return first
        return torch.tensor(first) if self.kind == "tensor" else float(index[0]) / steps

    def __str__(self) -> str:
        if "share" in self.kind:
            return "t is read as a share of 1"
        return f"t is read as counting from {self.base}"


CLOCKS = tuple(
    Clock(kind, base) for kind in ("rows", "int", "tensor", "share of rows", "share") for base in (0, 1)
    if base == 1 or "share" not in kind
)  # fmt: skip
