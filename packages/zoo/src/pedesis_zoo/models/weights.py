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
from torch import nn

from pedesis.denoiser import NetworkDenoiser
from pedesis.guidance.classifiers import AttributeClassifier, CleanClassifier, NoisyClassifier
from pedesis.nn import NETWORKS
from pedesis.parameterizations import PARAMETERIZATIONS
from pedesis.process import Process
from pedesis.training.checkpoint import KEY as CHECKPOINT
from pedesis.training.checkpoint import differences, plain
from pedesis.utils.files import atomic, digest
from pedesis.utils.noise import fixed_seed
from pedesis_zoo.models.packing import SCALE, pack, packable, unpacked
from pedesis_zoo.models.recipe import KINDS

FORMAT = 2
"""The newest format that is read: 1 holds every tensor in one type, 2 large matrices and kernels in 8 bits."""

ATTRIBUTE_CLASSIFIER, SUPER_RESOLUTION = "attribute-classifier", "super-resolution"

RENAMED = {
    "attribute-reader": ATTRIBUTE_CLASSIFIER,
    "enlarger": SUPER_RESOLUTION,
    "licence": "license",
    "parameterisation": "parameterization",
}
"""Words of older files for kinds of models and parts of their description -> today's."""


def build(kind: str, spec: Mapping[str, Any], seed: int = 0) -> nn.Module:
    """Make a model, with fresh weights, from its plain description. Raises ValueError for an unknown kind."""
    with fixed_seed(seed):
        return _build(kind, spec)


def _build(kind: str, spec: Mapping[str, Any]) -> nn.Module:
    network = NETWORKS.build(spec["network"])
    if kind == "clean-classifier":
        return CleanClassifier(network)
    if kind == ATTRIBUTE_CLASSIFIER:
        return AttributeClassifier(network, spec["attributes"])
    process = Process.from_spec(spec["process"])
    if kind == "noisy-classifier":
        return NoisyClassifier(network, process, spec["data_std"])
    if kind in ("image", "points", SUPER_RESOLUTION):
        parameterization = PARAMETERIZATIONS.build(spec["parameterization"])
        return NetworkDenoiser(network, process, parameterization, spec["data_std"])
    raise ValueError(f"a model of kind {kind!r} cannot be built here; this version knows {', '.join(KINDS)}")


def save_weights(
    path: str | Path,
    model: nn.Module,
    about: Mapping[str, Any],
    dtype: torch.dtype = torch.float16,
    packed: bool = False,
) -> str:
    """Write a model with its description; returns the sha256 of the file.

    Args:
        about: plain data beside the model's own spec: kind, data (name, shape, classes), generation, training.
        dtype: of the numbers in the file; float32 if a weight is too large for it.
        packed: large matrices and kernels in 8 bits (`pedesis_zoo.models.packing`), half the bytes.

    Raises:
        ValueError: a model that could not be loaded again, weights that are not finite, or no room; an older file is
            still whole then.
    """
    if missing := {"kind", "data", "generation"} - about.keys():
        raise ValueError(f"a weight file says what it is: {', '.join(sorted(missing))} is missing in `about`")
    check_saveable(about["kind"], model)
    if all_finite(model) and not all_finite(model, dtype):
        dtype = torch.float32
    if not all_finite(model, dtype):
        raise ValueError(f"cannot write {path}: the weights hold numbers that are not finite")
    described = {"format": 2 if packed else 1, **about, "model": model.spec()}  # type: ignore[operator]
    header = json.dumps(described, sort_keys=True)
    tensors = {key: value.detach().to(dtype).contiguous().cpu() for key, value in model.state_dict().items()}
    for key in packable(model) if packed else ():
        tensors[key], tensors[key + SCALE] = pack(model.state_dict()[key].cpu().contiguous())
    with atomic(path) as temporary:
        save_file(tensors, temporary, {"pedesis": header, "sha256": digest(header, tensors)})
        settle(temporary)
        return file_sha256(temporary)


def settle(path: Path) -> None:
    """Put the metadata of a safetensors file in order: safetensors writes them in one that changes from run to run."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    described = json.loads(content[8 : 8 + length])
    ordered = {"__metadata__": dict(sorted(described.pop("__metadata__").items())), **described}
    header = json.dumps(ordered, separators=(",", ":"), ensure_ascii=False).encode()
    header += b" " * (-len(header) % 8)
    path.write_bytes(len(header).to_bytes(8, "little") + header + content[8 + length :])


def weight_path(path: str | Path) -> Path:
    """`path`, or ValueError if a file of that name would not be known again as a weight file."""
    path = Path(path)
    if path.suffix != ".safetensors":
        raise ValueError(
            f"weights are written as safetensors: name the file {path.with_suffix('.safetensors')}, not {path}"
        )
    if path.stem.endswith(".checkpoint"):
        raise ValueError(
            f"{path} is the name of a checkpoint; name the weight file {path.name.replace('.checkpoint', '')}"
        )
    return path


def all_finite(model: nn.Module, dtype: torch.dtype = torch.float32) -> bool:
    """Whether every number of a model is finite, also in another type."""
    return all(bool(value.to(dtype).isfinite().all()) for value in model.state_dict().values())


def check_saveable(kind: str, model: nn.Module) -> None:
    """Raise ValueError unless `build(kind, model.spec())`, as loading a file does, gives this model again."""
    try:
        spec = plain(model.spec())  # type: ignore[operator]
        twin = build(kind, spec)
        twin.load_state_dict(model.state_dict())
        found = differences(spec, plain(twin.spec())) + _changes(model, twin)  # type: ignore[operator]
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"a weight file of this model could not be loaded again: {error}") from None
    if found:
        raise ValueError(
            f"a weight file of this model would come back as another one: {found[0]}. `config()` must give every "
            "argument of the constructor, and the class be registered under a name of its own"
        )


def _changes(model: nn.Module, twin: nn.Module) -> list[str]:
    """What is another thing in `twin`, of the parts that have no weights: their classes, and the numbers they give."""
    found = [
        f"{name} was {type(part).__name__} and is {type(other).__name__}"
        for name in ("network", "parameterization", "process.schedule", "process.frame")
        if type(part := _part(model, name)).__qualname__ != type(other := _part(twin, name)).__qualname__
    ]
    before, after = _part(model, "process"), _part(twin, "process")
    if before is not None and not found:
        with torch.no_grad():
            found += differences(_numbers(before), _numbers(after))
    return found


def _part(model: nn.Module, name: str) -> Any:
    part: Any = model
    for each in name.split("."):
        part = getattr(part, each, None)
    return part


def _numbers(process: Process) -> dict[str, float]:
    times = torch.linspace(0, 1, 11, dtype=torch.float64)
    log_snr = process.log_snr(times)
    alpha = process.alpha_sigma(log_snr)[0]
    named = [("log_snr", log_snr), ("alpha", alpha)]
    return {
        f"{what}({t:.1f})": round(value, 9)
        for what, values in named
        for t, value in zip(times.tolist(), values.tolist(), strict=True)
    }


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
        if path.suffix != ".safetensors":
            raise ValueError(
                f"{path} is not a safetensors file; no other kind is loaded, for it could run code"
            ) from None
        raise ValueError(f"{path} is not a complete safetensors file ({error}); get it again") from None
    if CHECKPOINT in metadata:
        name = path.name.replace(".previous", "").replace(".checkpoint", "")
        raise ValueError(
            f"{path} is a checkpoint, from which training goes on; the model is in its weight file, {name}"
        )
    if "pedesis" not in metadata:
        raise ValueError(f"{path} carries no Pedesis description; only files written by `pedesis_zoo` can be loaded")
    if digest(metadata["pedesis"], tensors) != metadata.get("sha256"):
        raise ValueError(f"{path} was altered or damaged: its content does not match the digest in its header")
    try:
        about = json.loads(metadata["pedesis"], object_hook=_renamed)
        if about["format"] > FORMAT:
            raise ValueError(f"{path} was written by a newer version (format {about['format']}); upgrade pedesis-zoo")
        about["kind"] = RENAMED.get(about["kind"], about["kind"])
        model = build(about["kind"], about["model"])
        model.load_state_dict(unpacked(tensors), strict=True)
    except (KeyError, TypeError, AttributeError, RuntimeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} does not describe a model that can be built ({type(error).__name__})") from None
    return model.eval().requires_grad_(False), about


def _renamed(described: dict[str, Any]) -> dict[str, Any]:
    return {RENAMED.get(key, key): value for key, value in described.items()}


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


def file_sha256(path: str | Path) -> str:
    """sha256 of a file's bytes."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
