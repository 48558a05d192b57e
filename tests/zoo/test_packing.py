"""Weights in 8 bits: half a step off at most, packed twice the same, and read by the same loader."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from pedesis.denoiser import NetworkDenoiser
from pedesis.nn import UNet
from pedesis.process import Process
from pedesis_zoo.models.packing import SCALE, pack, packable, rounded, unpacked
from pedesis_zoo.models.weights import file_sha256, load_weights, save_weights

TEXT = {"vocabulary": [f"w{i}" for i in range(300)], "length": 6, "width": 64, "layers": 1, "heads": 2}
ABOUT = {
    "kind": "image",
    "data": {"name": "none", "shape": [1, 8, 8], "classes": [], "license": "none"},
    "generation": {"sampler": "ddim", "steps": 2},
}


def restored(value: torch.Tensor) -> torch.Tensor:
    levels, scale = pack(value)
    return unpacked({"w": levels, "w" + SCALE: scale})["w"]


@given(st.integers(0, 2**31), st.floats(-4, 3), st.sampled_from([(5, 7), (4, 3, 3, 3), (3, 1), (2, 300)]))
def test_each_number_is_half_a_step_off_at_most_and_packing_again_changes_nothing(
    seed: int, size: float, shape: tuple[int, ...]
) -> None:
    value = torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 10**size
    once = restored(value)
    step = (value.flatten(1).abs().amax(1) / 127).clamp(min=2.0**-14).reshape(-1, *[1] * (value.ndim - 1))
    assert bool(((once - value).abs() <= step * (0.5 + 128 * 2**-11)).all())  # the scale itself is a float16
    assert all(torch.equal(a, b) for a, b in zip(pack(value), pack(once), strict=True))
    assert torch.equal(restored(once), once)


def test_channels_of_zeros_stay_zeros() -> None:
    value = torch.stack([torch.zeros(9), torch.full((9,), 1e-12), torch.ones(9)])
    assert torch.equal(restored(value), torch.stack([torch.zeros(9), torch.zeros(9), restored(value)[2]]))
    torch.testing.assert_close(restored(value)[2], torch.ones(9), rtol=1e-3, atol=0)


@pytest.fixture
def model() -> NetworkDenoiser:
    torch.manual_seed(0)
    network = UNet(widths=(48, 64), blocks=(1, 1), heads=2, embedding=128, detail=4, text=TEXT)
    for p in network.parameters():
        nn.init.normal_(p, std=0.1)
    return NetworkDenoiser(network, Process("cosine"))


def test_large_matrices_and_kernels_are_packed_and_what_is_looked_up_is_not(model: NetworkDenoiser) -> None:
    names = packable(model)
    assert "network.middle.first.weight" in names
    assert "network.noise_level.first.weight" in names
    assert not names & {"network.text.table.weight", "network.stem.weight", "network.middle.first.bias"}


def test_a_packed_file_is_half_as_large_and_loads_like_the_other(model: NetworkDenoiser, tmp_path: Path) -> None:
    whole, packed = tmp_path / "whole.safetensors", tmp_path / "packed.safetensors"
    save_weights(whole, model, ABOUT)
    save_weights(packed, model, ABOUT, packed=True)
    assert packed.stat().st_size < 0.7 * whole.stat().st_size  # many of the numbers here are embeddings
    (old, about_old), (new, about_new) = load_weights(whole), load_weights(packed)
    rounded(old)
    assert (about_old["format"], about_new["format"]) == (1, 2)
    assert old.state_dict().keys() == new.state_dict().keys()
    for name, value in model.state_dict().items():
        exact = restored(value) if name in packable(model) else value.half().float()
        assert torch.equal(new.state_dict()[name], exact), name


def test_packing_a_packed_file_gives_the_same_bytes(model: NetworkDenoiser, tmp_path: Path) -> None:
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    save_weights(first, model, ABOUT, packed=True)
    again, about = load_weights(first)
    save_weights(second, again, {key: about[key] for key in ABOUT}, packed=True)
    assert file_sha256(first) == file_sha256(second)


def test_every_altered_byte_of_a_packed_file_is_noticed(model: NetworkDenoiser, tmp_path: Path) -> None:
    path = tmp_path / "packed.safetensors"
    save_weights(path, model, ABOUT, packed=True)
    content = path.read_bytes()
    for place in (9, len(content) // 3, len(content) // 2, len(content) - 1):
        altered = bytearray(content)
        altered[place] ^= 1
        path.write_bytes(bytes(altered))
        with pytest.raises(ValueError, match="altered|complete|Pedesis"):
            load_weights(path)
