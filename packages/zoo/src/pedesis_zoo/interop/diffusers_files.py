"""The files of a diffusers pipeline: what is read of them, and what is refused in one sentence.

    model_index.json, scheduler/scheduler_config.json, unet/config.json, unet/diffusion_pytorch_model.safetensors

Only the two classes that are known here are made, of classes in diffusers itself: no code of a folder runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from pedesis.utils.registry import shown

FILES = (
    "model_index.json",
    "scheduler/scheduler_config.json",
    "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors",
)
"""The files of a pipeline on a hub."""


def library() -> Any:
    """The package diffusers. Raises ValueError if it is not installed."""
    try:
        import diffusers
    except ImportError:
        raise ValueError("diffusers is needed for this: pip install 'pedesis-zoo[interop]'") from None
    return diffusers


def index_of(folder: Path) -> dict[str, Any]:
    """The parts of a pipeline, from its model_index.json. Raises ValueError for a folder that is none."""
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}; of a pipeline on a hub the name is hub:OWNER/NAME")
    path = folder / "model_index.json"
    if not path.is_file():
        inside = ", ".join(sorted(each.name for each in folder.iterdir())[:5]) or "nothing"
        raise ValueError(
            f"{folder} is no pipeline of diffusers: it has no model_index.json, but {inside}. "
            "Of a training checkpoint make one first: DDPMPipeline(unet, scheduler).save_pretrained(FOLDER)"
        )
    return read_json(path)


def read_json(path: Path) -> dict[str, Any]:
    """An object of JSON. Raises ValueError for anything else."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read as JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} should hold an object of JSON; got {shown(found)}")
    return found


@contextmanager
def _sentences(what: str) -> Iterator[None]:
    """What their loaders raise, as one sentence."""
    try:
        yield
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError, NotImplementedError) as error:
        raise ValueError(f"{what} cannot be read: {' '.join(str(error).split())[:300]}") from None


def scheduler_in(folder: Path) -> Any:
    """The scheduler of a pipeline, which has betas. Raises ValueError for any other."""
    diffusers = library()
    path = folder / "scheduler" / "scheduler_config.json"
    config = read_json(path)
    kind: Any = getattr(diffusers, str(config.get("_class_name")), None)
    known = isinstance(kind, type) and issubclass(kind, diffusers.SchedulerMixin)
    if not known:
        raise ValueError(f"{path} names no scheduler of diffusers; got {shown(config.get('_class_name'))}")
    with _sentences(str(path)):
        made = kind.from_config(config)
    if not isinstance(getattr(made, "betas", None), Tensor):
        raise ValueError(f"{path}: a {kind.__name__} has no betas; only chains of betas are read here")
    return made


def unet_in(folder: Path) -> Any:
    """The `UNet2DModel` of a pipeline, with exactly the weights of its file. Raises ValueError for any other."""
    diffusers = library()
    path = folder / "unet"
    if not any(path.glob("*.safetensors")):
        raise ValueError(f"{path} holds no safetensors; no other kind of weights is loaded, for it could run code")
    with _sentences(str(path)):
        unet, info = diffusers.UNet2DModel.from_pretrained(
            path, use_safetensors=True, local_files_only=True, low_cpu_mem_usage=False, output_loading_info=True
        )
    for problem in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs"):
        if info.get(problem):
            raise ValueError(f"{path}: the weights are not those of the network: {problem} {shown(info[problem][0])}")
    if unet.config.time_embedding_type == "fourier":
        raise ValueError(f"{path} is told sigma and not a step; only networks of a chain of betas are read here")
    return unet.eval().requires_grad_(False)
