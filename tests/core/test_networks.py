"""The networks: shapes, errors, and that every input matters."""

import json
from typing import Any

import pytest
import torch

from pedesis.denoiser import NetworkDenoiser
from pedesis.guidance.classifiers import CleanClassifier, NoisyClassifier
from pedesis.nn import MLP, NETWORKS, ConvClassifier, UNet
from pedesis.nn.blocks import RowLinear, channel_norm, fold, unfold
from pedesis.nn.embeddings import sinusoid
from pedesis.nn.text_encoder import TextConfig
from pedesis.process import Process
from pedesis.training.cross_entropy import random_shift
from pedesis.utils.noise import TrainingNoise

SMALL: dict[str, Any] = {"widths": (8, 12), "blocks": (1, 1), "heads": 2, "embedding": 16, "detail": 4}


def randomized(network: torch.nn.Module) -> torch.nn.Module:
    """Give the layers that start at zero something to do."""
    for p in network.parameters():
        torch.nn.init.normal_(p, std=0.2)
    return network


@pytest.mark.row("N8")
@pytest.mark.parametrize(("channels", "patch", "side"), [(1, 2, 28), (3, 2, 32), (1, 1, 8), (3, 4, 64)])
def test_unet_keeps_the_shape_and_uses_every_input(channels: int, patch: int, side: int) -> None:
    network = randomized(UNet(channels=channels, patch=patch, classes=4, **SMALL))
    x, log_snr = torch.randn(2, channels, side, side), torch.tensor([0.3, -2.0])
    out = network(x, log_snr, torch.tensor([1, 3]))
    assert out.shape == x.shape
    for other in (
        network(x, log_snr + 1, torch.tensor([1, 3])),
        network(x, log_snr, torch.tensor([2, 0])),
        network(x, log_snr, None),
        network(x.flip(-1), log_snr, torch.tensor([1, 3])),
    ):
        assert not torch.allclose(out, other)
    assert torch.equal(network(x, log_snr, None), network(x, log_snr, torch.tensor([-1, -7])))


def test_unet_starts_as_zero_and_is_rebuilt_from_its_spec() -> None:
    network = UNet(classes=3, **SMALL)
    assert network(torch.randn(2, 1, 8, 8), torch.zeros(2), None).abs().max() == 0
    twin = NETWORKS.build(network.spec())
    twin.load_state_dict(network.state_dict())
    assert twin.spec() == network.spec()


WORDS = ("a", "red", "robe", "sword")
TEXT = {"vocabulary": WORDS, "length": 6, "width": 8, "layers": 1, "heads": 2}


def test_a_text_unet_reads_words_and_their_order_but_not_padding() -> None:
    network = randomized(UNet(text=TEXT, **SMALL)).eval()
    x, log_snr = torch.randn(1, 1, 8, 8), torch.tensor([0.3])
    ask = lambda *tokens: network(x, log_snr, torch.tensor([tokens]))  # noqa: E731
    out = ask(1, 2, 3)
    torch.testing.assert_close(out, ask(1, 2, 3, 0, 0, 0), rtol=1e-5, atol=1e-6)
    for other in (ask(1, 3, 2), ask(1, 2, 4), ask(1, 2), ask(-1, -1, -1)):
        assert not torch.allclose(out, other, rtol=1e-3)
    nothing = network(x, log_snr, None)
    for null in (ask(-1, -1, -1), ask(-1)):
        assert null.shape == nothing.shape
    torch.testing.assert_close(ask(-1), nothing)
    torch.testing.assert_close(ask(0), nothing, msg="a prompt of nothing but padding is no prompt")
    twin = NETWORKS.build(json.loads(json.dumps(network.spec())))
    twin.load_state_dict(network.state_dict())
    assert twin.spec() == network.spec()


KEY_BIASES = {  # where the keys are among the biases
    "attention.query_key_value.bias": (1, 3),
    "text.layers.0.self_attn.in_proj_bias": (1, 3),
    "look_down.0.key_value.bias": (0, 2),
    "look_down.1.key_value.bias": (0, 2),
    "look_up.0.key_value.bias": (0, 2),
    "look_up.1.key_value.bias": (0, 2),
}


def test_biases_of_keys_have_no_effect_and_no_gradient() -> None:
    """softmax is invariant to them: in training their gradient is zero, not rounding, and all others are autograd's."""
    network = randomized(UNet(text=TEXT, **SMALL)).double()
    x, log_snr, tokens = torch.randn(3, 1, 8, 8).double(), torch.tensor([0.3, -2.0, 1.0]), torch.tensor([[1, 2, 3]] * 3)
    outputs, gradients = [], []
    for training in (True, False):
        network.train(training).zero_grad()
        out = network(x, log_snr, tokens)
        out.square().sum().backward()
        outputs.append(out.detach())
        gradients.append({name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None})
    torch.testing.assert_close(*outputs)
    parts = {
        name: tuple(each[name].chunk(KEY_BIASES.get(name, (0, 1))[1]) for each in gradients) for name in gradients[0]
    }
    assert parts.keys() >= KEY_BIASES.keys()
    for name, (trained, plain) in parts.items():
        for i, (mine, autograd) in enumerate(zip(trained, plain, strict=True)):
            if name in KEY_BIASES and i == KEY_BIASES[name][0]:
                assert not mine.any() and autograd.abs().max() < 1e-10, name
            else:
                torch.testing.assert_close(mine, autograd, msg=name)
    with torch.no_grad():
        for name, (place, number) in KEY_BIASES.items():
            network.get_parameter(name).chunk(number)[place].add_(3)
    torch.testing.assert_close(network(x, log_snr, tokens), outputs[0])


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (torch.tensor([1, 2]), r"tokens \(B, L\) int64 up to 4, .* with L from 1 to 6"),
        (torch.ones(1, 7, dtype=torch.int64), "L from 1 to 6; got L = 7"),
        (torch.tensor([[1.0]]), "float32"),
        (torch.tensor([[5]]), "up to 4, the size of the vocabulary.* maximum 5"),
    ],
)
def test_a_prompt_that_is_none_is_named(tokens: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NetworkDenoiser(UNet(text=TEXT, **SMALL), Process())(torch.zeros(len(tokens), 1, 8, 8), 0.5, tokens)


def test_a_variance_and_a_guidance_scale_are_more_outputs_and_inputs() -> None:
    network = randomized(UNet(channels=3, variance=True, guided=True, **SMALL))
    x, log_snr = torch.randn(2, 3, 8, 8), torch.tensor([0.3, -2.0])
    assert network(x, log_snr).shape == (2, 6, 8, 8)
    out = network(x, log_snr, None, torch.tensor([1.0, 3.0]))
    plain = network(x, log_snr, None, torch.tensor([1.0, 1.0]))
    torch.testing.assert_close(out[0], plain[0])
    assert not torch.allclose(out[1], plain[1])
    torch.testing.assert_close(network(x, log_snr), plain)


@pytest.mark.parametrize(
    ("x", "condition", "message"),
    [
        (torch.zeros(2, 1, 10, 12), None, "multiples of 4"),
        (torch.zeros(2, 3, 12, 12), None, r"takes \(B, 1, H, W\)"),
        (torch.zeros(2, 1, 8, 8), torch.tensor([0, 3]), "from 0 to 2"),
        (torch.zeros(2, 1, 8, 8), torch.zeros(2), "class numbers"),
    ],
)
def test_wrong_input_is_named(x: torch.Tensor, condition: torch.Tensor | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NetworkDenoiser(UNet(classes=3, **SMALL), Process())(x, 0.5, condition)


def test_a_config_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="multiples of heads"):
        UNet(widths=(8, 10), blocks=(1, 1), heads=4)
    with pytest.raises(ValueError, match="one entry per resolution"):
        UNet(widths=(8, 16), blocks=(1,))
    with pytest.raises(ValueError, match="cannot be built"):
        NETWORKS.build({"name": "unet", "depth": 3})


def test_mlp_shape_and_condition() -> None:
    network = randomized(MLP(features=3, width=16, classes=2))
    x = torch.randn(5, 3)
    assert network(x, torch.zeros(5), None).shape == (5, 3)
    assert not torch.allclose(
        network(x, torch.zeros(5), torch.ones(5, dtype=torch.int64)), network(x, torch.zeros(5), None)
    )


@pytest.mark.row("O15")
def test_sinusoids_turn_at_geometric_frequencies() -> None:
    """cos^2 + sin^2 = 1 for every frequency, and a shift of x is a rotation that does not depend on x."""
    x = torch.tensor([0.0, 1.3, -4.0, 9.0], dtype=torch.float64)
    cos, sin = sinusoid(x, 8, longest=100.0).double().chunk(2, 1)
    torch.testing.assert_close(cos**2 + sin**2, torch.ones_like(cos))
    frequency = torch.tensor([100 ** (-k / 3) for k in range(4)], dtype=torch.float64)
    torch.testing.assert_close(torch.atan2(sin, cos)[1], 1.3 * frequency, rtol=1e-5, atol=1e-6)


def test_fold_and_unfold_are_inverse_and_keep_pixels_together() -> None:
    x = torch.arange(2 * 3 * 4 * 6.0).reshape(2, 3, 4, 6)
    folded = fold(x, 2)
    assert folded.shape == (2, 12, 2, 3)
    assert set(folded[0, :, 0, 0].tolist()) == set(x[0, :, :2, :2].flatten().tolist())
    assert torch.equal(unfold(folded, 2), x)


def test_channel_norm_gives_each_pixel_mean_zero_and_variance_one() -> None:
    y = channel_norm(5 + 3 * torch.randn(2, 64, 3, 3))
    torch.testing.assert_close(y.mean(1), torch.zeros(2, 3, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(y.var(1, unbiased=False), torch.ones(2, 3, 3), atol=1e-3, rtol=0)


def test_classifiers_give_normalised_log_probabilities() -> None:
    config: dict[str, Any] = {"widths": (8, 12), "blocks": (1, 1), "embedding": 16, "features": 10, "classes": 5}
    clean = CleanClassifier(randomized(ConvClassifier(noise_aware=False, **config)))
    noisy = NoisyClassifier(randomized(ConvClassifier(**config)), Process("cosine"))
    x = torch.randn(3, 1, 8, 8)
    assert clean.features(x).shape == (3, 10)
    for log_probs in (clean.log_probs(x), noisy.log_probs(x, 0.3)):
        torch.testing.assert_close(log_probs.exp().sum(1), torch.ones(3))
    assert not torch.allclose(noisy.log_probs(x, 0.3), noisy.log_probs(x, 0.9))
    torch.testing.assert_close(
        noisy.log_prob(x, 0.3, torch.tensor([0, 1, 2])), noisy.log_probs(x, 0.3)[range(3), range(3)]
    )


def test_shifted_pictures_are_moved_or_mirrored_copies() -> None:
    x = torch.zeros(200, 1, 7, 7)
    x[:, :, 3, 2] = 1
    places = [tuple(row[0].nonzero()[0].tolist()) for row in random_shift(x, TrainingNoise(0, 0, 200))]
    assert {row for row, _ in places} == {1, 2, 3, 4, 5}
    assert {column for _, column in places} == {0, 1, 2, 3, 4, 5, 6}  # 2 +- 2, and mirrored 4 +- 2


def test_an_enlarging_unet_looks_at_the_small_picture_of_its_row() -> None:
    network = randomized(UNet(channels=3, patch=2, enlarges=2, **SMALL))
    x, log_snr, small = torch.randn(2, 3, 16, 16), torch.zeros(2), torch.randn(2, 3, 8, 8)
    out = network(x, log_snr, small)
    assert out.shape == x.shape
    assert torch.equal(network(x, log_snr, None), network(x, log_snr, torch.zeros_like(small)))
    altered = small.clone()
    altered[0, :, 0, 0] += 1
    change = (network(x, log_snr, altered) - out).abs().sum(1)
    assert bool((change[1] == 0).all()) and bool((change[0] > 0).any())
    with pytest.raises(ValueError, match="2 times smaller"):
        network(x, log_snr, torch.randn(2, 3, 4, 4))


def test_a_row_of_a_linear_layer_depends_on_itself_alone() -> None:
    """Equal bits, wherever a row stands and however many there are; a plain layer differs where MKL computes it."""
    layer, x = RowLinear(256, 288).eval(), torch.randn(128, 256, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        alone = torch.cat([layer(row) for row in x.split(1)])
        for count in (2, 3, 5, 8, 128):
            assert torch.equal(layer(x[:count]), alone[:count])
        assert torch.equal(layer(x.flip(0)), alone.flip(0))


@pytest.mark.parametrize("text", [False, True])
def test_pictures_depend_on_themselves_alone(text: bool) -> None:
    """Equal bits in batches of 2, 4, 8 and whole eights, in float32 on one thread."""
    words = TextConfig(vocabulary=("a", "red", "hat"), length=6, width=32, layers=1)
    torch.manual_seed(0)
    network = UNet(widths=(32, 144), blocks=(1, 1), **({"text": words} if text else {"classes": 10})).eval()
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.1)
    x, log_snr = torch.randn(32, 1, 28, 28), torch.linspace(-5, 5, 32)
    condition = torch.randint(0, 4, (32, 6)) if text else torch.arange(32) % 11 - 1
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.no_grad():
            whole = network(x, log_snr, condition)
            for rows in (2, 4, 8, 16, 24):
                assert torch.equal(network(x[:rows], log_snr[:rows], condition[:rows]), whole[:rows]), rows
    finally:
        torch.set_num_threads(threads)
