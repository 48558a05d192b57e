"""diffusers, both ways: its networks through our samplers, our denoisers inside its schedulers, the same pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch

import pedesis_zoo as zoo
from pedesis.denoiser import Denoiser, NetworkDenoiser
from pedesis.guidance import ClassifierFreeGuidance, DynamicThresholding, StaticThresholding
from pedesis.process import Process
from pedesis.samplers import DDIM, Ancestral, DPMSolver2M, Sampler
from pedesis.samplers.timesteps import timesteps
from pedesis.theory.likelihood import log_likelihood
from pedesis.utils.noise import PerSeed
from pedesis.utils.precision import full_precision
from pedesis_zoo.interop.diffusers import load, to_unet

pytestmark = [  # from inside the library
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:FutureWarning"),
]

SHAPE = (3, 8, 8)
CLASSES = 5


def unet(classes: int | None = None, channels: int = 3) -> Any:
    """A network of theirs with random weights."""
    torch.manual_seed(0)
    return diffusers.UNet2DModel(
        sample_size=8,
        in_channels=3,
        out_channels=channels,
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        attention_head_dim=4,
        num_class_embeds=classes,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
    )


def saved(folder: Path, scheduler: Any, classes: int | None = None) -> Path:
    diffusers.DDPMPipeline(unet(classes), scheduler).save_pretrained(folder)
    return folder


def start(rows: int = 3) -> torch.Tensor:
    return PerSeed(range(rows))(torch.empty(rows, *SHAPE))


def theirs(
    network: Any, scheduler: Any, steps: int, labels: torch.Tensor | None = None, **settings: Any
) -> torch.Tensor:
    """The loop of their pipelines."""
    x = start()
    scheduler.set_timesteps(steps)
    with torch.no_grad():
        for t in scheduler.timesteps:
            said = network(x, t, labels).sample if labels is not None else network(x, t).sample
            x = scheduler.step(said, t, x, **settings).prev_sample
    return x


def ours(folder: Path, sampler: Sampler, steps: int, labels: torch.Tensor | None = None) -> torch.Tensor:
    pipeline = load(folder)
    times = timesteps(pipeline.denoiser.process, steps, pipeline.spacing)
    return sampler.sample(pipeline.denoiser, start(), times, labels)


def assert_same(one: torch.Tensor, other: torch.Tensor) -> None:
    """To 1e-4 of the pictures' own size: random networks draw beyond [-1, 1]."""
    size = max(1.0, float(other.abs().max()))
    torch.testing.assert_close(one / size, other / size, rtol=0, atol=1e-4)


CHAINS: dict[str, dict[str, Any]] = {
    "linear": {},
    "scaled": {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012},
    "cosine": {"beta_schedule": "squaredcos_cap_v2"},
    "trained": {"trained_betas": [0.001 + 0.0014 * i for i in range(100)], "num_train_timesteps": 100},
}


@pytest.mark.parametrize("kind", ["epsilon", "sample", "v_prediction"])
@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("classes", [None, CLASSES])
def test_their_network_draws_the_same_through_our_ddim(
    tmp_path: Path, kind: str, chain: str, classes: int | None
) -> None:
    scheduler = diffusers.DDIMScheduler(
        **CHAINS[chain], prediction_type=kind, clip_sample=False, timestep_spacing="trailing"
    )
    labels = None if classes is None else torch.tensor([0, 4, 2])
    made = ours(saved(tmp_path, scheduler, classes), DDIM(), 10, labels)
    assert_same(made, theirs(unet(classes).eval(), scheduler, 10, labels))


@pytest.mark.parametrize("kind", ["epsilon", "sample", "v_prediction"])
@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
def test_their_times_are_ours_in_dpm_solver(tmp_path: Path, kind: str, spacing: str) -> None:
    """Its last steps are of lower order below 15 steps."""
    settings = {"prediction_type": kind, "timestep_spacing": spacing, "final_sigmas_type": "sigma_min"}
    scheduler = diffusers.DPMSolverMultistepScheduler(**settings, lower_order_final=False)
    folder = saved(tmp_path, scheduler)
    scheduler.set_timesteps(16)
    pipeline = load(folder)
    times = timesteps(pipeline.denoiser.process, 16, pipeline.spacing)
    expected = (scheduler.timesteps.double() + 1) / 1000
    torch.testing.assert_close(times[: len(expected)], expected[expected > 1 / 1000], rtol=0, atol=1e-12)
    assert float(times[-1]) == 1 / 1000
    if spacing == "trailing":
        assert_same(ours(folder, DPMSolver2M(), 16), theirs(unet().eval(), scheduler, 16))


@pytest.mark.parametrize("reach", [0.5, 1.0])
def test_clipped_estimates_are_clipped_here(tmp_path: Path, reach: float) -> None:
    scheduler = diffusers.DDIMScheduler(clip_sample=True, clip_sample_range=reach, timestep_spacing="trailing")
    folder = saved(tmp_path, scheduler)
    denoiser = load(folder).denoiser
    assert isinstance(denoiser, StaticThresholding) and denoiser.limit == reach
    made = ours(folder, DDIM(), 10)
    assert_same(made, theirs(unet().eval(), scheduler, 10, use_clipped_model_output=True))
    assert float(made.abs().max()) <= reach


@pytest.mark.parametrize("largest", [1.0, 1.5])
def test_dynamic_thresholds_are_theirs(tmp_path: Path, largest: float) -> None:
    settings = {"thresholding": True, "dynamic_thresholding_ratio": 0.9, "sample_max_value": largest}
    scheduler = diffusers.DDIMScheduler(**settings, timestep_spacing="trailing")
    folder = saved(tmp_path, scheduler)
    assert isinstance(load(folder).denoiser, DynamicThresholding)
    assert_same(ours(folder, DDIM(), 10), theirs(unet().eval(), scheduler, 10, use_clipped_model_output=True))


@pytest.mark.parametrize("kind", ["sample", "v_prediction"])
def test_zero_terminal_snr(tmp_path: Path, kind: str) -> None:
    settings = {"prediction_type": kind, "rescale_betas_zero_snr": True, "clip_sample": False}
    scheduler = diffusers.DDIMScheduler(**settings, timestep_spacing="trailing")
    folder = saved(tmp_path, scheduler)
    process = load(folder).denoiser.process
    assert float(process.alpha_sigma(process.log_snr(1.0))[0]) < 1e-5
    assert_same(ours(folder, DDIM(), 10), theirs(unet().eval(), scheduler, 10))


def test_ancestral_sampling_has_their_mean(tmp_path: Path) -> None:
    """One step of Algorithm 2, without its noise."""
    scheduler = diffusers.DDPMScheduler(clip_sample=True)
    pipeline = load(saved(tmp_path, scheduler))
    x, t = start(), 500
    now = pipeline.denoiser(x, (t + 1) / 1000)
    mean = pipeline.denoiser.process.posterior(x, now.x0, t / 1000, (t + 1) / 1000).mean
    with torch.no_grad():
        said = unet().eval()(x, t).sample
    step = scheduler.step(said, t, x, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    assert_same(mean, step.prev_sample - scheduler._get_variance(t).sqrt() * noise)
    assert Ancestral().stochastic


def test_everything_of_ours_works_on_a_pipeline(tmp_path: Path) -> None:
    """Guidance with a null class is the combination of its two halves; the likelihood is finite."""
    scheduler = diffusers.DDIMScheduler(clip_sample=False, prediction_type="v_prediction")
    folder = saved(tmp_path, scheduler, CLASSES)
    denoiser = load(folder, null_class=CLASSES - 1).denoiser
    x, label = start(), torch.tensor([0, 1, 2])
    said = denoiser(x, 0.5, label).x0, denoiser(x, 0.5, torch.full((3,), 4)).x0
    guided = ClassifierFreeGuidance(denoiser, 3.0)(x, 0.5, label).x0
    torch.testing.assert_close(guided, said[1] + 3 * (said[0] - said[1]), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(denoiser(x, 0.5).x0, said[1])
    found = log_likelihood(denoiser, x, label, start=4.0, probe=PerSeed(range(3)), tolerance=1e-2)
    assert bool(found.nats.isfinite().all())


def digits() -> tuple[Denoiser, torch.Tensor, torch.Tensor]:
    model = zoo.load("digits", "cpu")
    return model.denoiser, PerSeed(range(4))(torch.empty(4, *model.shape)), torch.arange(4)


@pytest.mark.parametrize("kind", ["epsilon", "sample", "v_prediction"])
@pytest.mark.parametrize("solver", ["ddim", "dpm"])
def test_ours_inside_their_schedulers_draws_our_pictures(kind: str, solver: str) -> None:
    denoiser, x, labels = digits()
    network = to_unet(denoiser, (1, 8, 8), prediction_type=kind)
    config = network.scheduler_config()
    made: Any = (
        diffusers.DDIMScheduler(**config, clip_sample=False)
        if solver == "ddim"
        else diffusers.DPMSolverMultistepScheduler(**config, lower_order_final=False, final_sigmas_type="sigma_min")
    )
    made.set_timesteps(20)
    last = 0.0 if solver == "ddim" else 1 / 1000
    times = torch.cat([(made.timesteps.double() + 1) / 1000, torch.tensor([last]).double()])
    with full_precision(), torch.no_grad():
        expected = (DDIM() if solver == "ddim" else DPMSolver2M()).sample(denoiser, x, times, labels)
        for t in made.timesteps:
            x = made.step(network(x, t, class_labels=labels).sample, t, x).prev_sample
    torch.testing.assert_close(x, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("frame", ["ve", "flow"])
def test_every_frame_is_theirs(frame: str) -> None:
    """A network that is asked for eps says the same of the same noise level, in whatever frame it is read."""
    model, (_, x, labels) = zoo.load("digits", "cpu").denoiser, digits()
    schedule = model.process.schedule
    denoiser, other = (NetworkDenoiser(model.network, Process(schedule, each), "eps") for each in ("vp", frame))
    with full_precision(), torch.no_grad():
        one, two = (to_unet(each, (1, 8, 8))(x, 300, labels).sample for each in (denoiser, other))
    torch.testing.assert_close(one, two, rtol=0, atol=1e-4)


def test_ours_is_the_unet_of_their_pipeline() -> None:
    denoiser, _, _ = digits()
    network = to_unet(denoiser, (1, 8, 8))
    pipeline = diffusers.DDIMPipeline(network, diffusers.DDIMScheduler(**network.scheduler_config()))
    pipeline.set_progress_bar_config(disable=True)
    pictures = pipeline(batch_size=2, num_inference_steps=3, output_type="np").images
    assert pictures.shape == (2, 8, 8, 1)


def test_what_is_no_pipeline_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no folder"):
        load(tmp_path / "absent")
    checkpoint = tmp_path / "checkpoint-500"
    unet().save_pretrained(checkpoint / "unet")
    (checkpoint / "optimizer.bin").touch()
    with pytest.raises(ValueError, match="no model_index.json, but optimizer.bin, unet"):
        load(checkpoint)
    folder = saved(tmp_path / "whole", diffusers.DDIMScheduler())
    index, weights = folder / "model_index.json", folder / "unet/diffusion_pytorch_model.safetensors"
    whole, bytes_ = json.loads(index.read_text()), weights.read_bytes()
    for changed, told in (
        ({"unet": ["diffusers", "UNet2DConditionModel"]}, "UNet2DModel on pixels"),
        ({"unet": ["evil", "UNet2DModel"]}, "UNet2DModel on pixels"),
        ({"vae": ["diffusers", "AutoencoderKL"]}, "its parts: .*vae"),
    ):
        index.write_text(json.dumps({**whole, **changed}))
        with pytest.raises(ValueError, match=told):
            load(folder)
    index.write_text("[")
    with pytest.raises(ValueError, match="as JSON"):
        load(folder)
    index.write_text(json.dumps(whole))
    weights.write_bytes(bytes_[:-100])
    with pytest.raises(ValueError, match="cannot be read"):
        load(folder)
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(ValueError, match="no other kind of weights"):
        load(folder)


def test_other_weights_and_schedulers_are_one_sentence(tmp_path: Path) -> None:
    folder = saved(tmp_path, diffusers.DDIMScheduler(), CLASSES)
    config = folder / "unet/config.json"
    known = json.loads(config.read_text())
    for changed in ({"num_class_embeds": None}, {"layers_per_block": 2}, {"block_out_channels": [8, 8]}):
        config.write_text(json.dumps({**known, **changed}))
        with pytest.raises(ValueError, match="unet"):
            load(folder)
    config.write_text(json.dumps(known))
    path = folder / "scheduler/scheduler_config.json"
    known = json.loads(path.read_text())
    for changed, told in (
        ({"_class_name": "FlowMatchEulerDiscreteScheduler"}, "no betas"),
        ({"_class_name": "UNet2DModel"}, "names no scheduler"),
        ({"beta_schedule": "wild"}, "cannot be read"),
        ({"prediction_type": "wild"}, "unknown prediction_type"),
        ({"rescale_betas_zero_snr": True}, "needs v_prediction"),
    ):
        path.write_text(json.dumps({**known, **changed}))
        with pytest.raises(ValueError, match=told):
            load(folder)


def test_classes_are_checked(tmp_path: Path) -> None:
    denoiser = load(saved(tmp_path / "classes", diffusers.DDIMScheduler(), CLASSES)).denoiser
    for condition, told in (
        (None, "a class for every row"),
        (torch.tensor([0, 1, -1]), "a class for every row"),
        (torch.tensor([0, 1, 5]), "0 to 4"),
        (torch.tensor([0]), "one class per row"),
    ):
        with pytest.raises(ValueError, match=told):
            denoiser(start(), 0.5, condition)
    plain = load(saved(tmp_path / "plain", diffusers.DDIMScheduler())).denoiser
    with pytest.raises(ValueError, match="unconditional"):
        plain(start(), 0.5, torch.tensor([0, 1, 2]))
    pipeline = load(tmp_path / "plain")
    with pytest.raises(ValueError, match="1000 steps"):
        timesteps(pipeline.denoiser.process, 1001, pipeline.spacing)
