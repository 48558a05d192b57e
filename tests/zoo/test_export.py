"""What is exported answers as what it was exported from, and needs nothing but the file."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import pedesis_zoo as zoo
from pedesis.denoiser import NetworkDenoiser
from pedesis.guidance.classifiers import NoisyClassifier
from pedesis.guidance.thresholding import StaticThresholding
from pedesis.nn import NETWORKS
from pedesis.process import Process
from pedesis.samplers import DDIM
from pedesis.utils.images import to_pixels
from pedesis.utils.philox import Philox
from pedesis.utils.precision import full_precision
from pedesis_zoo.export import onnx
from pedesis_zoo.export.compact import compact
from pedesis_zoo.export.onnx_files import traced, usual_part
from pedesis_zoo.models.loading import load_any
from pedesis_zoo.models.weights import file_sha256, save_weights

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

DOCS = Path(__file__).parents[2] / "docs"
PIXEL_RANGE = 2.0
TEXT = {"vocabulary": ["an", "orc", "red", "robe"], "length": 5, "width": 8, "layers": 1, "heads": 2}
UNET = {"name": "unet", "widths": (8, 12), "blocks": (1, 1), "heads": 2, "embedding": 16, "detail": 4}
KINDS: dict[str, tuple[str, dict[str, Any], list[int], list[str]]] = {
    "classes": ("image", UNET | {"classes": 3, "variance": True}, [1, 8, 8], ["a", "b", "c"]),
    "words": ("image", UNET | {"channels": 3, "text": TEXT, "guided": True}, [3, 8, 8], []),
    "plain": ("image", UNET, [1, 8, 8], []),
    "super-resolution": ("super-resolution", UNET | {"enlarges": 2}, [1, 8, 8], []),
    "points": ("points", {"name": "mlp", "width": 16, "classes": 2}, [2], ["a", "b"]),
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A weight file of every kind of denoiser, with something in every layer."""
    folder, files = tmp_path_factory.mktemp("small"), {}
    for name, (kind, network, shape, classes) in KINDS.items():
        torch.manual_seed(0)
        module = NETWORKS.build(dict(network))
        for p in module.parameters():
            nn.init.normal_(p, std=0.2)
        model = NetworkDenoiser(module, Process("cosine"), "v", 0.5)
        about = {
            "kind": kind,
            "data": {"name": "none", "shape": shape, "classes": classes, "license": "none"},
            "generation": {"sampler": "ddim", "steps": 3, "grid": "uniform", "guidance": 2.0, "scales": [1.0, 6.0]},
            "license": "Apache-2.0",
        }
        files[name] = folder / f"{name}.safetensors"
        save_weights(files[name], model, about)
    return files


@pytest.fixture(scope="module")
def words(small: dict[str, Path]) -> Path:
    """The generator of the small model of words, in two steps."""
    return onnx(small["words"], small["words"].with_name("heroes.onnx"), steps=2)


def asked(inputs: dict[str, torch.Tensor], rows: int) -> dict[str, torch.Tensor]:
    """Inputs of a graph for any batch: noise where there are numbers, what was asked for in turn elsewhere."""
    noise, given = Philox(range(rows)), {}
    for key, value in inputs.items():
        turns = value[torch.arange(rows) % len(value)]
        given[key] = noise(turns) if value.ndim > 1 and value.is_floating_point() else turns
    return given


def compare(source: str | Path, part: str, folder: Path, bits: int = 16) -> None:
    """Export, then ask torch and onnxruntime the same for batches of 1, 3 and 8."""
    file = onnx(source, folder / "model.onnx", part, bits)
    session = onnxruntime.InferenceSession(str(file))
    module, about, _ = load_any(source)
    graph, inputs, outputs = traced(part, module, about, source)
    assert [node.name for node in session.get_inputs()] == list(inputs)
    for rows in (1, 3, 8):
        given = asked(inputs, rows)
        with torch.no_grad(), full_precision():
            exact = graph(*given.values()) if part != "denoiser" else graph(**of_graph(given))
        found = session.run(None, {key: value.numpy() for key, value in given.items()})
        for name, one, other in zip(outputs, exact if isinstance(exact, tuple) else [exact], found, strict=True):
            assert tuple(one.shape) == other.shape
            if name == "pictures":
                assert np.abs(one.numpy().astype(int) - other.astype(int)).max() <= 1
            elif name == "eps":  # x0 through a division by sigma
                sigma = Process("cosine").alpha_sigma(given["log_snr"])[1].reshape(-1, *[1] * (one.ndim - 1))
                assert (sigma * (one - torch.from_numpy(other))).abs().max() < 1e-3 * PIXEL_RANGE
            else:
                assert (one - torch.from_numpy(other)).abs().max() < 1e-3 * PIXEL_RANGE, name


def of_graph(given: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {"scale" if key == "guidance" else key: value for key, value in given.items()}


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.soak if kind == "plain" else []) for kind in KINDS]
)
def test_denoisers_answer_the_same_for_any_batch(kind: str, small: dict[str, Path], tmp_path: Path) -> None:
    compare(small[kind], "denoiser", tmp_path)


def test_a_generator_draws_what_the_sampler_draws(words: Path, small: dict[str, Path]) -> None:
    """Noise in, pictures out: the same walk as with the library's own sampler, threshold and guidance."""
    session, model = onnxruntime.InferenceSession(str(words)), zoo.load(small["words"])
    guidance, times = torch.tensor([1.0, 2.5, 6.0]), torch.tensor([1, 0.5, 0], dtype=torch.float64)
    noise, tokens = Philox(range(3))(torch.empty(3, 3, 8, 8)), model.condition(["an orc", "red robe", None], 3)
    assert tokens is not None
    with full_precision():
        exact = to_pixels(DDIM().sample(StaticThresholding(model.denoiser.at(guidance)), noise, times, tokens))
    inputs = {"noise": noise, "condition": tokens, "guidance": guidance}
    (generated,) = session.run(None, {key: value.numpy() for key, value in inputs.items()})
    assert generated.dtype == np.uint8 and np.abs(generated.astype(int) - exact.astype(int)).max() <= 1
    assert len(np.unique(generated)) > 20


def test_the_file_says_what_it_is(words: Path, small: dict[str, Path]) -> None:
    known = onnxruntime.InferenceSession(str(words)).get_modelmeta().custom_metadata_map
    assert json.loads(known["vocabulary"]) == TEXT["vocabulary"] and json.loads(known["length"]) == TEXT["length"]
    assert json.loads(known["shape"]) == [3, 8, 8] and known["license"] == "Apache-2.0"
    assert known["source_sha256"] == file_sha256(small["words"]) and known["part"] == "generator"
    assert json.loads(known["sampler"]) == {"name": "ddim", "eta": 0.0, "steps": 2}
    assert json.loads(known["settings"])["guidance"] == 2.0
    assert str(Path(sys.prefix)).encode() not in words.read_bytes() and b"pedesis_zoo/export" not in words.read_bytes()


@pytest.mark.parametrize("name", ["toy-moons", "fashion-mnist-classifier"])
def test_models_of_the_zoo_answer_the_same(name: str, tmp_path: Path) -> None:
    compare(name, usual_part(load_any(name)[0]), tmp_path)


def test_weights_of_8_bits_leave_embeddings_as_they_are() -> None:
    """As packed weights do: a row of the table answers for a word alone."""
    from onnx import TensorProto, helper, numpy_helper

    number = np.random.default_rng(0).standard_normal((128, 192)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "i"], ["row"]), helper.make_node("MatMul", ["row", "matrix"], ["y"])],
        "words",
        [helper.make_tensor_value_info("i", TensorProto.INT64, [2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 128])],
        [numpy_helper.from_array(number, "table"), numpy_helper.from_array(number.T.copy(), "matrix")],
    )
    proto = helper.make_model(graph)
    compact(proto, 8)
    types = {each.name: each.data_type for each in proto.graph.initializer}
    assert types == {
        "table.half": TensorProto.FLOAT16,
        "matrix.levels": TensorProto.INT8,
        "matrix.scale": TensorProto.FLOAT16,
    }


@pytest.mark.soak
@pytest.mark.parametrize("bits", [16, 8])
@pytest.mark.parametrize("name", zoo.list_models())
def test_every_model_of_the_zoo_answers_the_same(name: str, bits: int, tmp_path: Path) -> None:
    module, about, _ = load_any(name)
    parts = {usual_part(module), "denoiser"} if isinstance(module, NetworkDenoiser) else {"classifier"}
    if bits == 8 and about["format"] == 1:
        pytest.skip("8 bits lose nothing only where the package holds no more")
    for part in parts:
        compare(name, part, tmp_path, bits)


@pytest.mark.soak
@pytest.mark.parametrize("name", zoo.list_models())
def test_every_network_of_the_zoo_compiles_as_one_graph(name: str) -> None:
    module, about, _ = load_any(name)
    _, inputs, _ = traced("denoiser" if isinstance(module, NetworkDenoiser) else "classifier", module, about, name)
    plain = isinstance(module, NetworkDenoiser | NoisyClassifier)
    given = [*inputs.values()][: 3 if plain else 1]
    torch._dynamo.reset()
    with torch.no_grad(), full_precision():
        compiled = torch.compile(module.network, fullgraph=True, backend="eager")
        torch.testing.assert_close(compiled(*given), module.network(*given))  # type: ignore[operator]


def script(text: str, folder: Path) -> Path:
    """Run a script of the docs where only numpy and onnxruntime can be imported."""
    forbid = "import sys\nfor name in ('torch', 'pedesis', 'pedesis_zoo'): sys.modules[name] = None\n"
    subprocess.run([sys.executable, "-c", forbid + text], cwd=folder, check=True)
    return folder / "heroes.ppm"


def test_the_script_of_the_docs_draws_with_numpy_alone(words: Path) -> None:
    """With a model of few weights that knows four words; the soak test has heroes."""
    text = (DOCS / "heroes_by_onnx.py").read_text()
    assert len([line for line in text.splitlines() if line and not line.startswith("#")]) <= 15
    generated = script(re.sub(r'prompt = ".*"', 'prompt = "an orc red robe"', text), words.parent)
    assert generated.read_bytes().startswith(b"P6 512 64 255\n")


@pytest.mark.soak
def test_the_script_of_the_docs_draws_heroes(tmp_path: Path) -> None:
    onnx("heroes-student", tmp_path / "heroes.onnx")
    generated = script((DOCS / "heroes_by_onnx.py").read_text(), tmp_path).read_bytes()
    head, pixels = generated[:16], np.frombuffer(generated[16:], np.uint8).reshape(256, 2048, 3)
    assert head == b"P6 2048 256 255\n" and pixels.std() > 20


@pytest.mark.parametrize(
    ("source", "given", "message"),
    [
        ("digits", {"part": "generator"}, "'digits' is not distilled"),
        ("fashion-mnist-features", {"part": "denoiser"}, "a clean-classifier has no 'denoiser' to export"),
        ("toy-moons", {"part": "decoder"}, "a points has no 'decoder' to export"),
        ("toy-moons", {"bits": 4}, "stored in 16 or 8 bits; got 4"),
        ("toy-mons", {}, "did you mean 'toy-moons'"),
    ],
)
def test_what_cannot_be_exported_is_said_and_nothing_is_written(
    source: str, given: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        onnx(source, tmp_path / "a.onnx", **given)
    assert not list(tmp_path.iterdir())


def test_a_file_of_half_the_bits_is_smaller_and_close(tmp_path: Path) -> None:
    wide, narrow = (onnx("fashion-mnist-weak", tmp_path / f"{bits}.onnx", bits=bits) for bits in (16, 8))
    assert narrow.stat().st_size < 0.65 * wide.stat().st_size
    inputs = {
        "x_t": Philox([1, 2])(torch.empty(2, 1, 28, 28)).numpy(),
        "log_snr": np.array([0.0, -4.0], np.float32),
        "condition": np.array([3, -1]),
    }
    x0 = [onnxruntime.InferenceSession(str(file)).run(["x0"], inputs)[0] for file in (wide, narrow)]
    assert np.abs(x0[0] - x0[1]).max() < 0.05 * PIXEL_RANGE
