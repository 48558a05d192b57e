"""The arithmetic of the networks: one switch, read at every call."""

import pytest
import torch

from pedesis.denoiser import NetworkDenoiser
from pedesis.nn import UNet
from pedesis.process import Process
from pedesis.utils.noise import gaussian_noise
from pedesis.utils.precision import POLICIES, SWITCH, compute_dtype, full_precision

CPU = "cpu"


def heard_by(network: UNet) -> list[torch.dtype]:
    """The types that the first convolution of a network answers in, from now on."""
    heard: list[torch.dtype] = []
    convolution = next(part for part in network.modules() if isinstance(part, torch.nn.Conv2d))
    convolution.register_forward_hook(lambda part, inputs, out: heard.append(out.dtype))
    return heard


@pytest.mark.everywhere
def test_the_network_runs_in_the_precision_of_the_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    network = UNet(widths=(8, 8), blocks=(1, 1), heads=1, detail=4)
    denoiser, heard = NetworkDenoiser(network, Process("cosine")), heard_by(network)
    x = gaussian_noise(0)(torch.empty(2, 1, 8, 8))
    for wanted in ("bfloat16", "float32", "bfloat16"):
        monkeypatch.setenv(SWITCH, wanted)
        assert denoiser.x0(x, 0.5).dtype == torch.float32, "the state of a sampler is never rounded"
    with full_precision():
        denoiser.x0(x, 0.5)
    assert heard == [torch.bfloat16, torch.float32, torch.bfloat16, torch.float32]


@pytest.mark.everywhere
def test_left_alone_it_is_what_the_machine_does_best(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    usual = compute_dtype(CPU)
    monkeypatch.setenv(SWITCH, "auto")
    assert compute_dtype(CPU) == usual
    if torch.backends.cpu.get_cpu_capability() in ("DEFAULT", "AVX2"):
        assert usual == torch.float32


@pytest.mark.parametrize("wrong", ["bf16", "", "FLOAT32"])
def test_a_wrong_switch_is_named(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, wrong)
    with pytest.raises(ValueError, match=f"^{SWITCH} must be one of {', '.join(POLICIES)}; got '{wrong}'$"):
        compute_dtype(CPU)
