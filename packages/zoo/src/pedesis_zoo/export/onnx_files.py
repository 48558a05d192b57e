"""ONNX files: one model, or a whole generator, that runs without torch and without this package."""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pedesis.denoiser import NetworkDenoiser
from pedesis.utils.files import atomic, check_writable
from pedesis.utils.precision import full_precision
from pedesis_zoo.export.compact import compact
from pedesis_zoo.export.graphs import ClassifierGraph, DenoiserGraph, GeneratorGraph
from pedesis_zoo.models.loading import load, load_any
from pedesis_zoo.models.registry import WEIGHTS, folder_of
from pedesis_zoo.models.weights import file_sha256

Inputs = dict[str, Tensor]

NOISE = "philox4x32-10, AS241; see docs/noise.md"
"""The noise with which a seed means the same picture everywhere; `pedesis.utils.philox` draws it."""


def onnx(
    name_or_path: str | Path, out: str | Path, part: str | None = None, bits: int = 16, steps: int | None = None
) -> Path:
    """Write a model as ONNX. Weights are 16 or 8 bits, arithmetic is float32; the batch is of any size.

    Inputs and outputs, by `part`:

        "generator"   noise (B, C, H, W), condition, guidance (B,)            -> pictures, uint8 (B, H, W, C)
        "denoiser"    x_t (B, ...), log_snr (B,)[, condition][, guidance (B,)] -> x0, eps[, variance]
        "classifier"  x (B, C, H, W)[, log_snr (B,)]                           -> log_probs (B, classes)

    A condition is a class (B,) int64, tokens (B, L) int64 (0 is padding), or a small picture (B, C, h, w); negative
    integers are null. The file's metadata say what the model knows: classes, vocabulary, shape, settings, license.

    Args:
        part: by default the generator of a distilled model, the denoiser of another, or the classifier.
        steps: of the generator; the model's own by default.

    Raises:
        ValueError: an unknown model, a part that it does not have, or a missing package.
    """
    try:
        import onnx as onnx_package
        import onnxscript  # noqa: F401  (torch's exporter needs it)
    except ImportError:
        raise ValueError("export to ONNX needs more packages: pip install 'pedesis-zoo[export]'") from None
    out = Path(out)
    check_writable(out)
    if bits not in (8, 16):
        raise ValueError(f"weights are stored in 16 or 8 bits; got {bits}")
    module, about, name = load_any(name_or_path)
    part = part or usual_part(module)
    graph, inputs, outputs = traced(part, module, about, name_or_path, steps)
    proto = to_onnx(graph, inputs, outputs)
    compact(proto, bits)
    proto.producer_name = "pedesis"
    for key, value in description(name_or_path, name, part, graph, about).items():
        proto.metadata_props.add(key=key, value=value)
    onnx_package.checker.check_model(proto)
    with atomic(out) as temporary:
        temporary.write_bytes(proto.SerializeToString(deterministic=True))
    return out


def usual_part(module: nn.Module) -> str:
    """What is exported of a model where nothing else is said."""
    if not isinstance(module, NetworkDenoiser):
        return "classifier"
    return "generator" if module.guided else "denoiser"


def traced(
    part: str, module: nn.Module, about: dict[str, Any], name_or_path: str | Path, steps: int | None = None
) -> tuple[nn.Module, Inputs, list[str]]:
    """The graph of a part of a model, inputs by name for a batch of two, and the names of its outputs."""
    shape, has_level = about["data"]["shape"], hasattr(module, "process")
    level = {"log_snr": torch.tensor([0.5, -1.0])} if has_level else {}
    if part == "classifier" and not isinstance(module, NetworkDenoiser):
        return ClassifierGraph(module), {"x": torch.zeros(2, *shape), **level}, ["log_probs"]  # type: ignore[arg-type]
    if not isinstance(module, NetworkDenoiser) or part not in ("generator", "denoiser"):
        raise ValueError(f"a {about['kind']} has no {part!r} to export; leave the part out for what it has")
    asked = conditions(module, about)
    guidance = {"guidance": torch.tensor([1.0, 2.0])} if module.guided else {}
    if part == "generator":
        graph: nn.Module = GeneratorGraph(load(name_or_path), steps)
        return graph, {"noise": torch.zeros(2, *shape), **asked, **guidance}, ["pictures"]
    outputs = ["x0", "eps", "variance"] if module.option("variance") else ["x0", "eps"]
    return DenoiserGraph(module), {"x_t": torch.zeros(2, *shape), **level, **asked, **guidance}, outputs


def conditions(module: NetworkDenoiser, about: dict[str, Any]) -> Inputs:
    """What a denoiser may be asked for, in a batch of two; empty if it is unconditional."""
    if text := module.option("text"):
        return {"condition": torch.tensor([[1] * text.length, [-1] * text.length])}
    if factor := module.option("enlarges"):
        channels, *sides = about["data"]["shape"]
        return {"condition": torch.zeros(2, channels, *(side // factor for side in sides))}
    return {"condition": torch.tensor([0, -1])} if module.option("classes") else {}


def to_onnx(graph: nn.Module, inputs: Inputs, outputs: list[str]) -> Any:
    """The graph as an `onnx.ModelProto`, with a batch of any size."""
    named = {"scale" if key == "guidance" and isinstance(graph, DenoiserGraph) else key: key for key in inputs}
    with torch.no_grad(), full_precision(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        program = torch.onnx.export(
            graph.eval(),
            kwargs={argument: inputs[key] for argument, key in named.items()},
            input_names=list(inputs),
            output_names=outputs,
            dynamic_shapes={argument: {0: torch.export.Dim("batch")} for argument in named},
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    return program.model_proto


def description(
    name_or_path: str | Path, name: str, part: str, graph: nn.Module, about: dict[str, Any]
) -> dict[str, str]:
    """What the file says of itself: strings, JSON where it is more than one."""
    path = Path(name_or_path) if Path(name_or_path).is_file() else folder_of(name) / WEIGHTS
    data, network = about["data"], about["model"]["network"]
    metadata: dict[str, Any] = {
        "model": name,
        "kind": about["kind"],
        "part": part,
        "shape": data["shape"],
        "classes": data["classes"],
        "license": about["license"],
        "data": data["name"],
        "source_sha256": file_sha256(path),
    }
    if text := network.get("text"):
        metadata |= {"vocabulary": text["vocabulary"], "length": text["length"]}
    if "attributes" in about["model"]:
        metadata["attributes"] = about["model"]["attributes"]
    if isinstance(graph, GeneratorGraph):
        settings = load(name_or_path).generation
        sampler = {**graph.sampler.spec(), "steps": len(graph.levels) - 1}
        metadata |= {"settings": asdict(settings), "sampler": sampler, "noise": NOISE}
    elif isinstance(graph, DenoiserGraph):
        metadata |= {"settings": about.get("generation", {}), "process": about["model"]["process"]}
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in metadata.items()}
