r"""diffusers: their pipelines as denoisers, and denoisers as a `unet` inside their schedulers.

    step i of their T  <->  t = (i + 1)/T;   t = 0 is clean data, their "previous" of the last step
    betas              ->   FromBetas in the frame "vp"
    prediction_type    ->   epsilon: eps,   sample: x0,   v_prediction: v

    pipeline = load("FOLDER")                                        # or "hub:OWNER/NAME"
    times = timesteps(pipeline.denoiser.process, 20, pipeline.spacing)
    x = DDIM().sample(pipeline.denoiser, noise, times, classes)

    unet = to_unet(zoo.load("digits").denoiser, (1, 8, 8))           # unet(sample, timestep, class_labels).sample
    scheduler = diffusers.DDIMScheduler(**unet.scheduler_config())

Only safetensors are read, and nothing is fetched from a hub but `FILES`. diffusers is imported when it is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from pedesis.denoiser import Condition, Denoiser, Prediction
from pedesis.guidance import DynamicThresholding, StaticThresholding
from pedesis.parameterizations import PARAMETERIZATIONS, Parameterization
from pedesis.process import Process, Time
from pedesis.samplers.timesteps import TimestepSpacing
from pedesis.schedules import FromBetas
from pedesis.utils.precision import weights_of
from pedesis.utils.registry import UnknownName
from pedesis_zoo.interop.diffusers_files import FILES, index_of, scheduler_in, unet_in
from pedesis_zoo.models.remote import fetched, is_remote, parts_of

PREDICTION_TYPES = {"epsilon": "eps", "sample": "x0", "v_prediction": "v"}
"""Their name of what a network is asked for -> ours."""

NO_SIGNAL = 2.0**-40
"""alpha_bar at t = 1 of a chain with zero terminal SNR: log_snr is finite here, and alpha = 1e-6 is below rounding."""


@dataclass(frozen=True)
class Pipeline:
    """What a folder of theirs holds.

    Attributes:
        denoiser: its network and process, with its thresholds.
        spacing: the times at which its scheduler would stop, a rule for `pedesis.samplers.timesteps.timesteps`.
        shape: (C, H, W) of its pictures, in [-1, 1].
        scheduler: theirs, as it is saved.
    """

    denoiser: Denoiser
    spacing: TimestepSpacing
    shape: tuple[int, int, int]
    scheduler: Any


class UNetDenoiser(Denoiser):
    """A `UNet2DModel` as a denoiser. It answers in float32 (or the type of its weights), whatever that of x_t.

    Args:
        unet: (sample (B, C, H, W), timestep (B,), class_labels (B,)) -> an object with `sample`.
        process: of `FromBetas`; times between its steps are told as fractions of a step.
        null_class: the number of the class that stands for none, if the network was trained with one.
    """

    def __init__(
        self, unet: nn.Module, process: Process, parameterization: Parameterization | str, null_class: int | None = None
    ):
        super().__init__(process)
        self.unet, self.null_class = unet, null_class
        self.parameterization = PARAMETERIZATIONS.of(parameterization)
        self.steps = len(process.schedule.betas)  # type: ignore[arg-type]
        config: Any = unet.config
        self.classes: int | None = config.num_class_embeds
        self.conditional = self.classes is not None or config.class_embed_type is not None
        self.whole_steps = config.time_embedding_type == "learned"

    def labels(self, condition: Condition, x_t: Tensor) -> Tensor | None:
        """The class labels of the network. Raises ValueError for those it does not know, null ones included."""
        if not self.conditional:
            if condition is not None and bool((condition >= 0).any()):
                raise ValueError("this pipeline is unconditional and takes no class; leave the condition out")
            return None
        rows = len(x_t)
        if condition is None:
            condition = torch.full((rows,), -1)
        if condition.shape != (rows,):
            raise ValueError(f"the condition is one class per row, ({rows},); got shape {tuple(condition.shape)}")
        if self.classes is not None and bool((condition >= self.classes).any()):
            raise ValueError(f"the classes of this pipeline are 0 to {self.classes - 1}; got {int(condition.max())}")
        null = condition < 0
        if self.null_class is not None:
            condition = condition.masked_fill(null, self.null_class)
        elif bool(null.any()):
            raise ValueError(
                "this pipeline needs a class for every row: it has none that stands for nothing. If it was trained "
                "with one, as guidance needs it, say which: load(FOLDER, null_class=NUMBER)"
            )
        return condition.to(x_t.device)

    def predict(self, x_t: Tensor, t: Time, condition: Condition = None) -> Prediction:
        step = (torch.as_tensor(t, dtype=torch.float64, device="cpu") * self.steps - 1).clamp(min=0)
        step = step.round().long() if self.whole_steps else step
        alpha, sigma, _ = self.process.scales(t, x_t)
        dtype, labels = weights_of(self.unet, x_t.dtype), self.labels(condition, x_t)
        answer = self.unet(x_t.to(dtype), step.expand(len(x_t)).to(x_t.device), labels).sample
        output = answer[:, : x_t.shape[1]].to(x_t.dtype)  # a learned variance comes after it
        clean = sigma == 0
        x0 = self.parameterization.x0(output, x_t, alpha, sigma.masked_fill(clean, 1))
        return self.prediction(x_t, t, x0)

    def x0(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor:
        return self.predict(x_t, t, condition).x0


class SchedulerSpacing(TimestepSpacing):
    """The times of a scheduler of theirs: leading, trailing or linspace, with its offset and its end."""

    name = "diffusers"

    def __init__(self, scheduler: Any):
        self.scheduler = scheduler

    def config(self) -> dict[str, Any]:
        return {"scheduler": type(self.scheduler).__name__}

    def spaced(self, process: Process, steps: int) -> Tensor:
        config = self.scheduler.config
        total = config.num_train_timesteps
        if steps > total:
            raise ValueError(f"this pipeline was trained with {total} steps and cannot take more; got {steps}")
        made = type(self.scheduler).from_config(config)
        made.set_timesteps(steps)
        visited = torch.unique(torch.as_tensor(made.timesteps, dtype=torch.float64)).flip(0)
        whole = config.get("set_alpha_to_one", True) and config.get("final_sigmas_type", "zero") == "zero"
        last = 0.0 if whole else 1 / total
        times = (visited + 1) / total
        return torch.cat([times[times > last], torch.tensor([last], dtype=torch.float64)])


def load(
    source: str | Path, null_class: int | None = None, endpoint: str | None = None, cache: str | Path | None = None
) -> Pipeline:
    """Read a pipeline of theirs, in evaluation mode, gradients off.

    Honored are the betas (with rescale_betas_zero_snr), prediction_type, clip_sample and its range, thresholding, and
    timestep_spacing. A clamped x0 comes with the eps that agrees with it (use_clipped_model_output in their DDIM).

    Args:
        source: a folder on this machine, or "hub:OWNER/NAME[@REVISION]"; what was fetched once needs no network.
        null_class: the class that stands for none, if the network was trained with one: guidance needs it.
        endpoint, cache: see `pedesis_zoo.models.remote.fetched`.

    Raises:
        ValueError: no such folder or repository, no pipeline of pictures, something else than safetensors, weights that
            are not those of the network, a scheduler without betas, or diffusers is not installed.
    """
    folder = fetched(*parts_of(str(source)), endpoint, cache, FILES) if is_remote(source) else Path(source)
    index = index_of(folder)
    parts = [name for name, value in index.items() if isinstance(value, list) and value != [None, None]]
    if index.get("unet") != ["diffusers", "UNet2DModel"] or set(parts) != {"unet", "scheduler"}:
        raise ValueError(
            f"{folder} is no pipeline of a UNet2DModel on pixels and a scheduler, the kind that is read here; "
            f"its parts: {', '.join(parts) or 'none'}"
        )
    scheduler, unet = scheduler_in(folder), unet_in(folder)
    bare = UNetDenoiser(unet, Process(chain(scheduler.betas)), _parameterization(folder, scheduler.config), null_class)
    size = unet.config.sample_size
    height, width = (size, size) if isinstance(size, int) else size
    shape = (unet.config.in_channels, height, width)
    return Pipeline(thresholded(bare, scheduler.config), SchedulerSpacing(scheduler), shape, scheduler)


def chain(betas: Tensor) -> FromBetas:
    """Their betas as a schedule. A last one of 1, zero terminal SNR, ends at alpha_bar = `NO_SIGNAL` instead."""
    table = betas.double().clone()
    before = (1 - table[:-1]).prod()
    if table[-1] >= 1 - NO_SIGNAL / before:
        table[-1] = 1 - NO_SIGNAL / before
    return FromBetas(table)


def thresholded(denoiser: Denoiser, config: Any) -> Denoiser:
    """A denoiser with the thresholds that a scheduler's configuration asks for."""
    if config.get("thresholding"):
        most, quantile = config.get("sample_max_value", 1.0), config.get("dynamic_thresholding_ratio", 0.995)
        return DynamicThresholding(denoiser, quantile=quantile, largest=max(most, 1.0))
    if config.get("clip_sample"):
        return StaticThresholding(denoiser, config.get("clip_sample_range", 1.0))
    return denoiser


def _parameterization(folder: Path, config: Any) -> str:
    wanted = config.get("prediction_type", "epsilon")
    if wanted not in PREDICTION_TYPES:
        raise UnknownName("prediction_type", wanted, PREDICTION_TYPES)
    if wanted == "epsilon" and config.get("rescale_betas_zero_snr"):
        raise ValueError(f"{folder}: with zero terminal SNR, eps says nothing of x0 at t = 1; it needs v_prediction")
    return PREDICTION_TYPES[wanted]


class PedesisUNet(nn.Module):
    """A denoiser of ours as a `unet` of theirs; see `to_unet`."""

    def __init__(self, denoiser: Denoiser, shape: tuple[int, int, int], steps: int, prediction_type: str):
        super().__init__()
        if prediction_type not in PREDICTION_TYPES:
            raise UnknownName("prediction_type", prediction_type, PREDICTION_TYPES)
        self.denoiser, self.steps, self.prediction_type = denoiser, steps, prediction_type
        self.parameterization = PARAMETERIZATIONS.of(PREDICTION_TYPES[prediction_type])
        channels, *size = shape
        self.config = SimpleNamespace(in_channels=channels, out_channels=channels, sample_size=tuple(size))
        self.register_buffer("place", torch.zeros(()), persistent=False)

    @property
    def device(self) -> torch.device:
        return self.place.device  # type: ignore[return-value]

    @property
    def dtype(self) -> torch.dtype:
        return self.place.dtype  # type: ignore[return-value]

    def scheduler_config(self) -> dict[str, Any]:
        """The arguments of a scheduler of theirs under which this network is right."""
        times = torch.arange(1, self.steps + 1, dtype=torch.float64) / self.steps
        log_alpha_bar = logsigmoid(self.denoiser.process.log_snr(times))
        betas = -torch.expm1(log_alpha_bar.diff(prepend=torch.zeros(1, dtype=torch.float64)))
        return {
            "num_train_timesteps": self.steps,
            "trained_betas": betas.tolist(),
            "prediction_type": self.prediction_type,
            "timestep_spacing": "trailing",
        }

    def forward(
        self, sample: Tensor, timestep: Tensor | float, class_labels: Condition = None, return_dict: bool = True
    ) -> Any:
        """Their call: `sample` in the frame "vp", a step 0..T-1 (one, or one per row), classes or None."""
        process = self.denoiser.process
        t = (torch.as_tensor(timestep, dtype=torch.float64, device="cpu") + 1) / self.steps
        alpha, sigma, _ = process.scales(t, sample)
        size = (alpha**2 + sigma**2).sqrt()  # from their frame to ours, and back
        prediction = self.denoiser(size * sample, t, class_labels)
        answer = self.parameterization.target(prediction.x0, prediction.eps, alpha / size, sigma / size)
        return SimpleNamespace(sample=answer) if return_dict else (answer,)


def to_unet(
    denoiser: Denoiser, shape: tuple[int, int, int], steps: int = 1000, prediction_type: str = "v_prediction"
) -> PedesisUNet:
    """Any denoiser of ours as a `unet` of theirs, for a scheduler made from its `scheduler_config()`.

    Args:
        denoiser: in any frame; guidance rules are denoisers, too.
        shape: (C, H, W) of its pictures. steps: T, of their chain.

    Raises:
        UnknownName: no such prediction_type.
    """
    return PedesisUNet(denoiser, shape, steps, prediction_type)
