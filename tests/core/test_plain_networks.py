"""Every registered network is a plain function of tensors: it compiles whole, and exports with any batch size."""

from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from pedesis.nn import NETWORKS

SMALL: dict[str, Any] = {"widths": (8, 12), "blocks": (1, 1), "embedding": 16}
TEXT = {"vocabulary": ("a", "red", "robe"), "length": 5, "width": 8, "layers": 1, "heads": 2}
IMAGES: dict[str, Any] = {"name": "unet", "heads": 2, "detail": 4, **SMALL}

# name of the case: description of the network, condition of a batch of three, further inputs
CASES: dict[str, tuple[dict[str, Any], Tensor | None, tuple[Tensor, ...]]] = {
    "unet": (IMAGES, None, ()),
    "unet, classes": (IMAGES | {"classes": 4}, torch.tensor([0, 3, -1]), ()),
    "unet, no class given": (IMAGES | {"classes": 4}, None, ()),
    "unet, text": (IMAGES | {"text": TEXT}, torch.tensor([[1, 3, 0], [2, 2, 1], [-1, -1, -1]]), ()),
    "unet, no text given": (IMAGES | {"text": TEXT}, None, ()),
    "unet, enlarges": (IMAGES | {"enlarges": 2}, torch.randn(3, 1, 4, 4), ()),
    "unet, variance and scale": (
        IMAGES | {"classes": 4, "variance": True, "guided": True},
        torch.tensor([0, 3, -1]),
        (torch.tensor([1.0, 2.0, 3.0]),),
    ),
    "unet, text, variance and scale": (
        IMAGES | {"text": TEXT, "variance": True, "guided": True},
        torch.tensor([[1, 3, 0], [2, 2, 1], [-1, -1, -1]]),
        (torch.tensor([1.0, 2.0, 3.0]),),
    ),
    "mlp": ({"name": "mlp", "width": 16}, None, ()),
    "mlp, classes": ({"name": "mlp", "width": 16, "classes": 2}, torch.tensor([0, 1, -1]), ()),
    "classifier": ({"name": "classifier", "features": 10, **SMALL}, None, ()),
    "classifier, clean": ({"name": "classifier", "features": 10, "noise_aware": False, **SMALL}, None, ()),
}


def made(case: str) -> tuple[nn.Module, tuple[Tensor | None, ...]]:
    """A network with something in every layer, and inputs for a batch of three."""
    spec, condition, more = CASES[case]
    torch.manual_seed(0)
    network = NETWORKS.build(spec).eval().requires_grad_(False)
    for p in network.parameters():
        torch.nn.init.normal_(p, std=0.2)
    x = torch.randn(3, 2) if spec["name"] == "mlp" else torch.randn(3, 1, 8, 8)
    log_snr = torch.tensor([0.3, -2.0, 5.0])
    return network, (x, log_snr) if spec["name"] == "classifier" else (x, log_snr, condition, *more)


def more_rows(inputs: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
    """The same inputs for a batch of seven."""
    return tuple(None if each is None else torch.cat([each, each, each[:1]]) for each in inputs)


def free_batch(inputs: tuple[Tensor | None, ...]) -> tuple[Any, ...]:
    """The first axis of every tensor is the batch, and of any size."""
    return tuple(None if each is None else {0: torch.export.Dim.DYNAMIC} for each in inputs)


FULLEST = ["unet, text, variance and scale", "unet, enlarges", "mlp, classes", "classifier"]
"""Cases that between them go through every line of every network."""

NOTHING_GIVEN = ["unet, no class given", "unet, no text given"]
EACH = [pytest.param(case, marks=[] if case in FULLEST + NOTHING_GIVEN else pytest.mark.soak) for case in CASES]


@cache
def exported(case: str) -> ExportedProgram:
    """The network of a case for any batch size."""
    network, inputs = made(case)
    return torch.export.export(network, inputs, dynamic_shapes=free_batch(inputs))


def test_every_registered_network_is_tried() -> None:
    for cases in (list(CASES), FULLEST):
        assert {CASES[case][0]["name"] for case in cases} == set(NETWORKS)


@pytest.mark.parametrize("case", EACH)
def test_compiles_as_one_graph(case: str) -> None:
    network, inputs = made(case)
    torch._dynamo.reset()
    compiled = torch.compile(network, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(*inputs), network(*inputs))


@pytest.mark.parametrize("case", EACH)
def test_exports_with_any_batch_size(case: str) -> None:
    network, inputs = made(case)
    for given in (inputs, more_rows(inputs)):
        torch.testing.assert_close(exported(case).module()(*given), network(*given))


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=pytest.mark.soak if case.startswith("unet") else []) for case in FULLEST]
)
def test_exports_to_onnx_with_any_batch_size(case: str) -> None:
    """Denoisers with a U-Net of every kind are exported by tests/zoo/test_export.py too, each time."""
    onnxruntime = pytest.importorskip("onnxruntime")
    network, inputs = made(case)
    program = torch.onnx.export(exported(case), dynamo=True, verbose=False)
    assert program is not None
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    for given in (inputs, more_rows(inputs)):
        fed = zip(session.get_inputs(), (each.numpy() for each in given if each is not None), strict=False)
        (out,) = session.run(None, {node.name: value for node, value in fed})
        torch.testing.assert_close(torch.from_numpy(out), network(*given), rtol=1e-4, atol=1e-4)
