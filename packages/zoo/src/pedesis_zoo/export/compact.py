"""Weights of an ONNX graph in fewer bits: decoded when a session is made, so that all arithmetic is float32.

16 bits   w ~ Cast(float16)
 8 bits   w ~ Cast(int8) * Cast(float16 scale of its channel)      as `models.packing`, which loses nothing
                                                                   on weights that come from a packed file
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pedesis_zoo.models.packing import LARGE, pack

SMALL = 1024
"""Constants with fewer numbers than this stay float32."""


def compact(proto: Any, bits: int) -> None:
    """Store the large float32 constants of an `onnx.ModelProto` in 16 bits, and the largest in 8 if so wanted.

    Embeddings, in which `Gather` looks up, never have 8: `models.packing` leaves them as they are.
    """
    import onnx
    from onnx import helper, numpy_helper

    bare(proto)
    share(proto.graph)
    graph, nodes, kept = proto.graph, [], []
    embeddings = {node.input[0] for node in graph.node if node.op_type == "Gather"}

    def stored(name: str, value: Tensor) -> str:
        """Add a constant in its own type; the name of its float32 twin."""
        kept.append(numpy_helper.from_array(value.numpy(), name))
        nodes.append(helper.make_node("Cast", [name], [f"{name}.float"], to=onnx.TensorProto.FLOAT))
        return f"{name}.float"

    for constant in graph.initializer:
        value = torch.from_numpy(numpy_helper.to_array(constant).copy())
        if value.dtype != torch.float32 or value.numel() < SMALL:
            kept.append(constant)
        elif bits == 8 and value.numel() >= LARGE and value.ndim >= 2 and constant.name not in embeddings:
            levels, scale = packed(value)
            factors = [stored(f"{constant.name}.levels", levels), stored(f"{constant.name}.scale", scale)]
            nodes.append(helper.make_node("Mul", factors, [constant.name]))
        else:
            nodes.append(helper.make_node("Identity", [stored(f"{constant.name}.half", value.half())], [constant.name]))
    del graph.initializer[:]
    graph.initializer.extend(kept)
    rest = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *rest])


def bare(proto: Any) -> None:
    """Leave out where each node came from in the exporting program, with the paths of its machine."""
    for node in proto.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    del proto.graph.value_info[:]
    del proto.graph.metadata_props[:]
    del proto.metadata_props[:]


def share(graph: Any) -> None:
    """Keep equal constants once: steps that are unrolled hold copies where the exporter has transposed a matrix."""
    first: dict[bytes, str] = {}
    other: dict[str, str] = {}
    kept = []
    for constant in graph.initializer:
        content = str((constant.data_type, *constant.dims)).encode() + constant.raw_data
        if not constant.raw_data or content not in first:
            first[content] = constant.name
            kept.append(constant)
        else:
            other[constant.name] = first[content]
    for node in graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = other.get(name, name)
    del graph.initializer[:]
    graph.initializer.extend(kept)


def packed(value: Tensor) -> tuple[Tensor, Tensor]:
    """int8 levels and the scales that multiply them: per row, or per column if the exporter has transposed it."""

    def along(axis: int) -> tuple[Tensor, Tensor]:
        levels, scale = pack(value.movedim(axis, 0).contiguous())
        shape = [-1 if i == axis else 1 for i in range(value.ndim)]
        return levels.movedim(0, axis).contiguous(), scale.reshape(shape)

    def error(pair: tuple[Tensor, Tensor]) -> float:
        return float((pair[0].float() * pair[1].float() - value).square().sum())

    return min((along(axis) for axis in range(2)), key=error)
