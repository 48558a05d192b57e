"""Weight files: safetensors that know what they are.

The header holds everything needed to rebuild the model, so that a file is enough, and a digest of all of it, so
that an altered file is refused. Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from pedesis.classifier import AttributeReader, CleanClassifier, NoisyClassifier
from pedesis.denoiser import NetworkDenoiser
from pedesis.files import atomic
from pedesis.nn import NETWORKS
from pedesis.parameterisations import PARAMETERISATIONS
from pedesis.process import Process

FORMAT = 1
READER, ENLARGER = "attribute-reader", "enlarger"
PICKLED = {".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pickle", ".joblib", ".npy", ".npz"}


def build(kind: str, spec: Mapping[str, Any]) -> nn.Module:
    """Make a model, with fresh weights, from its plain description. Raises ValueError for an unknown kind."""
    network = NETWORKS.build(spec["network"])
    if kind == "clean-classifier":
        return CleanClassifier(network)
    if kind == READER:
        return AttributeReader(network, spec["attributes"])
    process = Process.from_spec(spec["process"])
    if kind == "noisy-classifier":
        return NoisyClassifier(network, process, spec["data_std"])
    if kind in ("image", "points", ENLARGER):
        parameterisation = PARAMETERISATIONS.build(spec["parameterisation"])
        return NetworkDenoiser(network, process, parameterisation, spec["data_std"])
    raise ValueError(
        f"a model of kind {kind!r} cannot be built here; this version knows images, points, enlargers and classifiers"
    )


def save_weights(
    path: str | Path, model: nn.Module, about: Mapping[str, Any], dtype: torch.dtype = torch.float16
) -> str:
    """Write a model with its description; returns the sha256 of the file.

    Args:
        about: plain data beside the model's own spec: kind, data (name, shape, classes), generation, training.
    """
    header = json.dumps({"format": FORMAT, **about, "model": model.spec()}, sort_keys=True)  # type: ignore[operator]
    tensors = {key: value.detach().to(dtype).contiguous().cpu() for key, value in model.state_dict().items()}
    with atomic(path) as temporary:
        save_file(tensors, temporary, {"pedesis": header, "sha256": digest(header, tensors)})
        return file_sha256(temporary)


def load_weights(path: str | Path, sha256: str | None = None) -> tuple[nn.Module, dict[str, Any]]:
    """Read a model (evaluation mode, float32, gradients off) and its description.

    Args:
        sha256: what the file must hash to; models of the zoo are pinned by their recipe.

    Raises:
        ValueError: the file is missing, truncated, altered, or not a weight file of this project.
    """
    path = Path(path)
    _check_file(path)
    if sha256 is not None and (found := file_sha256(path)) != sha256:
        raise ValueError(
            f"{path.name} of {path.parent.name!r} was altered or damaged: its sha256 is {found}, expected {sha256}. "
            "Install the package again."
        )
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is not a complete safetensors file ({error}); get it again") from None
    if "pedesis-checkpoint" in metadata:
        beside = path.with_name(path.name.replace(".checkpoint", ""))
        told = f"the model is {beside}, written beside it" if beside != path else "the model is written beside it"
        raise ValueError(f"{path} is the checkpoint of a training run, from which the run goes on; {told}")
    if "pedesis" not in metadata:
        raise ValueError(f"{path} carries no Pedesis description; only files written by `pedesis_zoo` can be loaded")
    if digest(metadata["pedesis"], tensors) != metadata.get("sha256"):
        raise ValueError(f"{path} was altered or damaged: its content does not match the digest in its header")
    try:
        about = json.loads(metadata["pedesis"])
        if about["format"] > FORMAT:
            raise ValueError(f"{path} was written by a newer version (format {about['format']}); upgrade pedesis-zoo")
        model = build(about["kind"], about["model"])
        model.load_state_dict({key: value.float() for key, value in tensors.items()}, strict=True)
    except (KeyError, TypeError, AttributeError, RuntimeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} does not describe a model that can be built ({type(error).__name__})") from None
    return model.eval().requires_grad_(False), about


def _check_file(path: Path) -> None:
    try:
        kind = path.stat().st_mode
    except OSError:
        raise ValueError(f"there is no weight file {path}") from None
    if stat.S_ISDIR(kind):
        inside = ", ".join(sorted(each.name for each in path.glob("*.safetensors"))[:5])
        raise ValueError(f"{path} is a folder; name a weight file in it{f': {inside}' if inside else ''}")
    if not stat.S_ISREG(kind):
        raise ValueError(f"{path} is not a file")
    if path.suffix.lower() in PICKLED:
        raise ValueError(
            f"{path} is not opened: files like it can run code when they are read. Weight files are safetensors, "
            "written by `python -m pedesis_zoo train` or `pedesis_zoo.weights.save_weights`"
        )


def digest(header: str, tensors: Mapping[str, Tensor]) -> str:
    """sha256 over the description and every tensor's name, type, shape and bytes."""
    total = hashlib.sha256(header.encode())
    for key in sorted(tensors):
        tensor = tensors[key]
        total.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}".encode())
        total.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def file_sha256(path: str | Path) -> str:
    """sha256 of a file's bytes."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
