"""What enters a denoiser: conditions and data are checked at its edge, types and a caller's autocast change nothing."""

import copy
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from pedesis.denoiser import Denoiser, NetworkDenoiser
from pedesis.guidance.classifier_free import ClassifierFreeGuidance
from pedesis.guidance.classifiers import CleanClassifier, NoisyClassifier
from pedesis.guidance.thresholding import StaticThresholding
from pedesis.losses import Loss
from pedesis.nn import MLP, ConvClassifier, UNet
from pedesis.parameterizations import PARAMETERIZATIONS
from pedesis.process import Process
from pedesis.samplers import DDIM, SAMPLERS
from pedesis.theory.exact import EmpiricalDenoiser, Mixture, MixtureDenoiser
from pedesis.utils import precision
from pedesis.utils.noise import TrainingNoise, gaussian_noise

SMALL: dict[str, Any] = {"patch": 1, "widths": (8, 12), "blocks": (1, 1), "heads": 2, "embedding": 16, "detail": 4}
TEXT = {"vocabulary": ("red", "robe"), "length": 4, "width": 8, "layers": 1, "heads": 2}
PROCESS = Process("cosine")


def network(**config: Any) -> UNet:
    torch.manual_seed(0)
    made = UNet(**SMALL, **config)
    for p in made.parameters():
        torch.nn.init.normal_(p, std=0.2)
    return made.eval().requires_grad_(False)


def denoiser(**config: Any) -> NetworkDenoiser:
    return NetworkDenoiser(network(**config), PROCESS)


X = gaussian_noise(0)(torch.empty(3, 1, 8, 8))


@pytest.mark.parametrize(
    ("config", "condition", "says"),
    [
        ({}, torch.tensor([3, 8, 12345]), "without classes"),
        ({}, torch.tensor([-1, -1, -1]), "without classes"),
        ({"classes": 10}, torch.tensor([3, 8, 10]), "maximum 10"),
        ({"classes": 10}, torch.tensor([3, 8]), r"for \d rows"),
        ({"classes": 10}, torch.tensor([0.0, 1.0, 2.0]), "class numbers"),
        ({"classes": 10}, torch.tensor([True, False, True]), "class numbers"),
        ({"text": TEXT}, torch.tensor([[1, 2], [3, 0], [1, 1]]), "maximum 3"),
        ({"text": TEXT}, torch.tensor([1, 2, 0]), "tokens"),
        ({"text": TEXT}, torch.ones(3, 5, dtype=torch.int64), "L = 5"),
        ({"enlarges": 2}, torch.tensor([1, 2, 3]), "small pictures"),
        ({"enlarges": 2}, torch.zeros(3, 1, 4, 4, dtype=torch.uint8), "to_model"),
    ],
)
def test_a_condition_that_would_be_ignored_or_misread_is_refused(
    config: dict[str, Any], condition: Tensor, says: str
) -> None:
    model = denoiser(**config)
    with pytest.raises(ValueError, match=says):
        model(X, 0.5, condition)
    with pytest.raises(ValueError, match=says):
        ClassifierFreeGuidance(model, 5.0)(X, 0.5, condition)
    with pytest.raises(ValueError, match=says):
        Loss("v")(model, X, condition, TrainingNoise(0, 0, 3))


def test_points_and_exact_models_refuse_what_they_would_ignore(mixture: Mixture, points: Tensor) -> None:
    label = torch.zeros(len(points), dtype=torch.int64)
    plain = Mixture(mixture.weights, mixture.means, mixture.covs)
    for model in (NetworkDenoiser(MLP(), PROCESS), MixtureDenoiser(plain, PROCESS), EmpiricalDenoiser(points, PROCESS)):
        with pytest.raises(ValueError, match="would ignore"):
            model(points.to(torch.float64), 0.5, label)
    with pytest.raises(ValueError, match="no datum has the class 7"):
        MixtureDenoiser(mixture, PROCESS)(points, 0.5, label + 7)
    with pytest.raises(ValueError, match="guidance scale"):
        network()(X, torch.zeros(3), None, torch.ones(3))


def test_small_integers_are_classes() -> None:
    model = denoiser(classes=4)
    wide = model(X, 0.5, torch.tensor([0, 3, 1])).x0
    for dtype in (torch.uint8, torch.int16, torch.int32):
        assert torch.equal(model(X, 0.5, torch.tensor([0, 3, 1], dtype=dtype)).x0, wide)


@pytest.mark.parametrize(
    "config", [{}, {"classes": 4}, {"text": TEXT}, {"enlarges": 2}, {"classes": 4, "guided": True}]
)
def test_networks_are_exported_whole(config: dict[str, Any]) -> None:
    """No network looks at a value to decide what to do: torch.export takes the whole of it."""
    made = network(**config)
    condition: Tensor | None = None
    if "classes" in config:
        condition = torch.tensor([0, -1, 3])
    elif "text" in config:
        condition = torch.tensor([[1, 2, 0], [-1, -1, -1], [2, 0, 0]])
    elif "enlarges" in config:
        condition = X[:, :, ::2, ::2]
    inputs = (X, torch.tensor([-3.0, 0.0, math.inf]), condition, *([torch.ones(3)] if "guided" in config else []))
    batch = {0: torch.export.Dim("batch", min=2, max=64)}
    shapes = tuple(None if each is None else batch for each in inputs)
    program = torch.export.export(made, inputs, dynamic_shapes=(*shapes,)).module()
    torch.testing.assert_close(program(*inputs), made(*inputs))
    fewer = tuple(None if each is None else each[:2] for each in inputs)
    torch.testing.assert_close(program(*fewer), made(*fewer))


@pytest.mark.parametrize("bad", [torch.zeros(3, 1, 8, 8, dtype=torch.uint8), torch.ones(3, 1, 8, 8, dtype=torch.int64)])
def test_integer_pictures_are_refused(bad: Tensor) -> None:
    noisy = NoisyClassifier(ConvClassifier(widths=(8, 8), blocks=(1, 1)), PROCESS)
    clean = CleanClassifier(ConvClassifier(widths=(8, 8), blocks=(1, 1), noise_aware=False))
    for call in (
        lambda: denoiser()(bad, 0.5),
        lambda: StaticThresholding(denoiser())(bad, 0.5),
        lambda: PROCESS.marginal(bad, 0.5),
        lambda: PROCESS.transition(bad, 0.2, 0.5),
        lambda: PROCESS.posterior(bad, bad, 0.2, 0.5),
        lambda: PROCESS.prior(bad),
        lambda: noisy.log_probs(bad, 0.5),
        lambda: clean.log_probs(bad),
        lambda: Loss("v")(denoiser(), bad, None, TrainingNoise(0, 0, 3)),
        lambda: DDIM().sample(denoiser(), bad, torch.linspace(1, 0, 3, dtype=torch.float64)),
    ):
        with pytest.raises(ValueError, match="to_model"):
            call()


@pytest.mark.parametrize("parameterization", list(PARAMETERIZATIONS))
@pytest.mark.parametrize("frame", ["vp", "ve", "flow"])
def test_clean_data_are_their_own_estimate(parameterization: str, frame: str) -> None:
    """E[x_0 | x_0] = x_0 and E[eps | x_0] = 0, for every row at t = 0, beside rows that are not."""
    model = NetworkDenoiser(network(), Process("cosine", frame), parameterization)
    predicted = model(X, torch.tensor([0.0, 0.5, 0.0], dtype=torch.float64))
    torch.testing.assert_close(predicted.x0[::2], X[::2])
    assert torch.equal(predicted.eps[::2], torch.zeros_like(X[::2]))
    torch.testing.assert_close(predicted.x0[1], model(X, 0.5).x0[1])


def test_exact_models_and_classifiers_know_clean_data(mixture: Mixture, points: Tensor) -> None:
    for model in (MixtureDenoiser(mixture, PROCESS), EmpiricalDenoiser(points, PROCESS)):
        predicted = model(points, 0.0)
        assert torch.equal(predicted.x0, points) and predicted.variance is not None and not predicted.variance.any()
    noisy = NoisyClassifier(ConvClassifier(widths=(8, 8), blocks=(1, 1)), PROCESS)
    assert noisy.log_probs(X, 0.0).exp().sum(1).allclose(torch.ones(3))


@pytest.mark.parametrize("name", [name for name in SAMPLERS if not SAMPLERS[name]().stochastic])
def test_encoding_from_clean_data_is_the_flow(name: str) -> None:
    """Data N(m, c): the flow from t = 0 to 1 is z = alpha m + sqrt(alpha^2 c + sigma^2) (x - m) / sqrt(c)."""
    mean, c = torch.tensor([[0.7, -0.4]], dtype=torch.float64), 0.6
    one = Mixture(torch.ones(1), mean, c * torch.eye(2, dtype=torch.float64)[None])
    exact, x = MixtureDenoiser(one, PROCESS), gaussian_noise(1)(torch.empty(5, 2, dtype=torch.float64))
    alpha, sigma = PROCESS.alpha_sigma(PROCESS.log_snr(1.0))
    z = alpha * mean + (alpha**2 * c + sigma**2).sqrt() * (x - mean) / math.sqrt(c)
    up = torch.linspace(0, 1, 401, dtype=torch.float64)
    found = SAMPLERS[name]().sample(exact, x, up)
    torch.testing.assert_close(found, z, atol=0.03, rtol=0.02)
    torch.testing.assert_close(SAMPLERS[name]().sample(exact, found, up.flip(0)), x, atol=0.03, rtol=0.02)


@pytest.mark.parametrize(("dtype", "miss"), [(torch.float64, 1e-4), (torch.float16, 0.02), (torch.bfloat16, 0.15)])
@pytest.mark.parametrize("config", [{"classes": 4}, {"text": TEXT}])
def test_modules_of_every_floating_type_work(dtype: torch.dtype, miss: float, config: dict[str, Any]) -> None:
    made = denoiser(**config)
    condition = torch.tensor([0, 1, -1]) if "classes" in config else torch.tensor([[1, 2], [2, 0], [-1, -1]])
    with precision.full_precision():
        truth = made(X, 0.6, condition).x0
    other = copy.deepcopy(made).to(dtype)
    for x in (X, X.to(dtype), X.double()):
        predicted = other(x, 0.6, condition).x0
        assert predicted.dtype == x.dtype
        error = (predicted.double() - truth).square().mean().sqrt() / truth.square().mean().sqrt()
        assert error < miss


def test_a_float64_network_is_that_precise() -> None:
    """Its noise level is not rounded on the way: shifting log_snr by 1e-9 is seen."""
    made = network().double()
    x = X.double()
    level = torch.full((3,), 0.3, dtype=torch.float64)
    moved = (made(x, level + 1e-9) - made(x, level)).abs().max()
    assert 0 < moved < 1e-6


def test_classifiers_of_other_types_work() -> None:
    for dtype in (torch.float64, torch.bfloat16):
        clean = CleanClassifier(ConvClassifier(widths=(8, 8), blocks=(1, 1), noise_aware=False)).to(dtype)
        noisy = NoisyClassifier(ConvClassifier(widths=(8, 8), blocks=(1, 1)), PROCESS).to(dtype)
        for log_probs in (clean.log_probs(X), noisy.log_probs(X, 0.5)):
            assert log_probs.dtype == torch.float32 and log_probs.exp().sum(1).allclose(torch.ones(3))


@pytest.mark.parametrize("kind", ["network", "exact"])
def test_a_callers_autocast_changes_no_byte(kind: str, mixture: Mixture) -> None:
    model: Denoiser = (
        denoiser()
        if kind == "network"
        else MixtureDenoiser(Mixture(mixture.weights.float(), mixture.means.float(), mixture.covs.float()), PROCESS)
    )
    x = X if kind == "network" else X.flatten(1)[:, :2].contiguous()
    times = torch.linspace(1, 0, 5, dtype=torch.float64)
    alone = DDIM().sample(model, x, times)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(DDIM().sample(model, x, times), alone)
        assert torch.is_autocast_enabled("cpu")


def test_evaluations_are_counted_exactly() -> None:
    """Heun's steps that are longer than `LONGEST` are Euler's: one evaluation each."""
    times = torch.linspace(1, 0, 7, dtype=torch.float64)
    asked = 0

    class Asked(MixtureDenoiser):
        def x0(self, x_t: Tensor, t: Any, condition: Tensor | None = None) -> Tensor:
            nonlocal asked
            asked += 1
            return torch.zeros_like(x_t)

        predict = Denoiser.predict
        variance = Denoiser.variance

    one = Mixture(torch.ones(1), torch.zeros(1, 2), torch.eye(2)[None])
    for name in SAMPLERS:
        if name == "adaptive":
            continue
        asked, sampler = 0, SAMPLERS[name]()
        sampler.sample(Asked(one, PROCESS), torch.ones(2, 2), times, noise=gaussian_noise(0))
        assert sampler.count(PROCESS, times) == asked
    assert SAMPLERS["heun"]().count(PROCESS, times) == 10 and SAMPLERS["ddim"]().count(PROCESS, times) == 6
