"""`features`: what the layers of a network say on the way."""

import pytest
import torch

from pedesis.denoiser import NetworkDenoiser
from pedesis.nn import UNet
from pedesis.process import Process
from pedesis.utils.precision import full_precision
from pedesis.utils.registry import UnknownName


@pytest.fixture
def denoiser() -> NetworkDenoiser:
    torch.manual_seed(0)
    network = UNet(widths=(8, 12), blocks=(2, 1), heads=2, embedding=16, detail=4, classes=3)
    for p in network.parameters():
        torch.nn.init.normal_(p, std=0.2)
    return NetworkDenoiser(network, Process("cosine"), "v")


def test_the_rest_of_the_network_makes_the_answer_of_them(denoiser: NetworkDenoiser) -> None:
    """The last layer's features are the answer; those of `detail` give it through silu and the last convolution."""
    x_t, label = torch.randn(3, 1, 8, 8), torch.tensor([0, 2, -1])
    with full_precision():
        found = denoiser.features(x_t, 0.4, ["down.0.1", "middle", "detail", "out"], label)
        answer, _ = denoiser.network_output(x_t, denoiser.process.log_snr(0.4), label)
    assert list(found) == ["down.0.1", "middle", "detail", "out"]
    assert found["down.0.1"].shape == (3, 8, 4, 4) and found["middle"].shape == (3, 12, 2, 2)
    torch.testing.assert_close(found["out"], answer)
    torch.testing.assert_close(denoiser.network.out(torch.nn.functional.silu(found["detail"])), answer)  # type: ignore[operator]


def test_nothing_stays_behind(denoiser: NetworkDenoiser) -> None:
    x_t = torch.randn(1, 1, 8, 8)
    denoiser.features(x_t, 0.4, ["middle"])
    with pytest.raises(ValueError, match="time"):
        denoiser.features(x_t, torch.zeros(2, 2), ["middle"])
    assert not any(layer._forward_hooks for layer in denoiser.network.modules())


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [("midle", UnknownName, "did you mean 'middle'"), ("down", ValueError, "has no tensor to show")],
)
def test_a_layer_that_has_nothing_to_show_is_named(
    denoiser: NetworkDenoiser, name: str, error: type[ValueError], message: str
) -> None:
    with pytest.raises(error, match=message):
        denoiser.features(torch.randn(1, 1, 8, 8), 0.4, [name])
