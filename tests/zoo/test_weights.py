"""Weight files: whole or refused, with a sentence."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import pedesis_zoo as zoo
from pedesis.denoiser import NetworkDenoiser
from pedesis.nn import UNet
from pedesis.process import Process
from pedesis_zoo.models.weights import file_sha256, load_weights, save_weights
from pedesis_zoo.training.fine_tuning import begin_from

ABOUT = {
    "kind": "image",
    "data": {"name": "none", "shape": [1, 8, 8], "classes": ["a", "b"], "license": "none"},
    "generation": {"sampler": "ddim", "steps": 3, "grid": "uniform", "guidance": 1.5},
    "training": {"steps": 0, "images": 0, "hours": 0},
    "license": "Apache-2.0",
}


@pytest.fixture
def model() -> NetworkDenoiser:
    torch.manual_seed(0)
    network = UNet(patch=1, widths=(8, 12), blocks=(1, 1), heads=2, embedding=16, detail=4, classes=2)
    return NetworkDenoiser(network, Process("sigmoid"), "eps", 0.5)


@pytest.fixture
def path(tmp_path: Path, model: NetworkDenoiser) -> Path:
    save_weights(tmp_path / "mine.safetensors", model, ABOUT)
    return tmp_path / "mine.safetensors"


def test_a_file_is_enough_to_rebuild_the_model(path: Path, model: NetworkDenoiser) -> None:
    loaded = zoo.load(path)
    assert loaded.name == "mine" and loaded.shape == (1, 8, 8) and loaded.classes == ("a", "b")
    assert loaded.denoiser.spec() == model.spec() and loaded.generation.sampler == "ddim"
    for a, b in zip(model.parameters(), loaded.denoiser.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-6)
        assert not b.requires_grad
    assert zoo.sample(path, "b", [1, 2]).shape == (2, 8, 8, 1)


def test_the_same_model_is_the_same_bytes(path: Path, tmp_path: Path, model: NetworkDenoiser) -> None:
    """The file's hash is what a recipe pins, so it must not depend on the run."""
    again = {save_weights(tmp_path / "again.safetensors", model, ABOUT) for _ in range(12)}
    assert again == {file_sha256(path)}


def test_every_altered_byte_is_noticed(path: Path) -> None:
    content = path.read_bytes()
    for place in (0, 9, 60, len(content) // 3, len(content) // 2, len(content) - 1):
        altered = bytearray(content)
        altered[place] ^= 1
        path.write_bytes(bytes(altered))
        with pytest.raises(ValueError, match="altered|complete|Pedesis"):
            load_weights(path)


@pytest.mark.parametrize("keep", [0, 5, 100, -10])
def test_truncated_files_are_refused(path: Path, keep: int) -> None:
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match="not a complete safetensors file"):
        zoo.load(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(2)}, other)
    with pytest.raises(ValueError, match="no Pedesis description"):
        zoo.load(other)
    with pytest.raises(ValueError, match="no weight file"):
        zoo.load(tmp_path / "absent.safetensors")


def test_a_published_file_is_pinned_by_its_recipe(path: Path) -> None:
    with pytest.raises(ValueError, match="its sha256 is .* expected 0000"):
        load_weights(path, "0" * 64)


def test_a_newer_format_says_so(tmp_path: Path, model: NetworkDenoiser) -> None:
    save_weights(tmp_path / "new.safetensors", model, ABOUT | {"format": 3})
    with pytest.raises(ValueError, match="newer version"):
        zoo.load(tmp_path / "new.safetensors")


def test_a_variance_head_grows_beside_a_trained_mean(model: NetworkDenoiser, path: Path) -> None:
    """A run may begin from weights that have no variance: its means are theirs."""
    torch.manual_seed(1)
    grown = UNet(patch=1, widths=(8, 12), blocks=(1, 1), heads=2, embedding=16, detail=4, classes=2, variance=True)
    more = NetworkDenoiser(grown, Process("sigmoid"), "eps", 0.5)
    torch.nn.init.normal_(model.network.out.weight)
    save_weights(path, model, ABOUT)
    begin_from(more, path)
    x_t, label = torch.randn(2, 1, 8, 8), torch.tensor([0, 1])
    assert torch.allclose(more.x0(x_t, 0.5, label), model.x0(x_t, 0.5, label), atol=0.05)  # bfloat16
    assert more.variance(x_t, 0.5, label) is not None
