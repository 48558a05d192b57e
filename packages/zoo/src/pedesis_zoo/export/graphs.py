r"""What is exported: plain functions of tensors, batch first, weights included.

DenoiserGraph    (x_t, log_snr (B,), condition, scale (B,)) -> x0, eps[, variance]
GeneratorGraph   (noise, condition, guidance (B,)) -> pictures, uint8 (B, H, W, C): all steps of the walk
ClassifierGraph  (x[, log_snr (B,)]) -> log-probabilities (B, classes)
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from pedesis.denoiser import NetworkDenoiser, Prediction
from pedesis.guidance.classifiers import AttributeClassifier, CleanClassifier, NoisyClassifier
from pedesis.guidance.thresholding import StaticThresholding
from pedesis.process import Time
from pedesis.samplers import Sampler, Step
from pedesis.samplers.base import walk_levels
from pedesis.utils.images import gray_levels
from pedesis_zoo.generation.sampling import make_pipeline
from pedesis_zoo.models.loading import ImageModel


class DenoiserGraph(nn.Module):
    """A denoiser as a function of the noise level. `scale` is for distilled networks, which are told it."""

    def __init__(self, denoiser: NetworkDenoiser):
        super().__init__()
        self.denoiser = denoiser

    def forward(
        self, x_t: Tensor, log_snr: Tensor, condition: Tensor | None = None, scale: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        denoiser = self.denoiser if scale is None else self.denoiser.at(scale)
        predicted = denoiser.predict_at(x_t, log_snr, condition)
        return (
            (predicted.x0, predicted.eps)
            if predicted.variance is None
            else (predicted.x0, predicted.eps, predicted.variance)
        )


class GeneratorGraph(nn.Module):
    """`pedesis_zoo.sample` of a distilled model: the same sampler, times and threshold.

    Args:
        steps: of the sampler; the model's own by default.

    Raises:
        ValueError: the model is not distilled, or its sampler draws noise on the way.
    """

    def __init__(self, model: ImageModel, steps: int | None = None):
        super().__init__()
        if not model.denoiser.guided:
            raise ValueError(
                f"{model.name!r} is not distilled: it needs many steps and two evaluations for each, so export its "
                "denoiser and walk yourself; the models that draw in few steps are students"
            )
        pipeline = make_pipeline(model, steps=steps)
        self.denoiser, self.sampler = model.denoiser, _plain(pipeline.sampler)
        self.levels = walk_levels(model.denoiser.process, pipeline.times)
        self.spread = float(model.denoiser.process.prior(torch.zeros(1)).var.sqrt())

    def forward(self, noise: Tensor, condition: Tensor, guidance: Tensor) -> Tensor:
        denoiser = StaticThresholding(self.denoiser.at(guidance))

        def denoise(x_t: Tensor, t: Time) -> Prediction:
            return denoiser.predict(x_t, t, condition)

        x, before = self.spread * noise, list[Step]()
        for index, (level, target) in enumerate(itertools.pairwise(self.levels)):
            now = Step(index, level, x, denoise(x, level.t))
            x = self.sampler.step(denoiser.process, now, target, denoise, torch.zeros_like, before)
            before = [*before, now][-self.sampler.memory :] if self.sampler.memory else []
        return gray_levels(x)


class ClassifierGraph(nn.Module):
    """Log-probabilities of the classes; an attribute classifier's values lie one after the other, in its own order."""

    def __init__(self, classifier: CleanClassifier | AttributeClassifier | NoisyClassifier):
        super().__init__()
        self.classifier = classifier

    def forward(self, x: Tensor, log_snr: Tensor | None = None) -> Tensor:
        if isinstance(self.classifier, NoisyClassifier):
            assert log_snr is not None
            return self.classifier.log_probs_at(x, log_snr)
        predicted = self.classifier.log_probs(x)
        return predicted if isinstance(predicted, Tensor) else torch.cat(predicted, dim=1)


def _plain(sampler: Sampler) -> Sampler:
    if sampler.stochastic or sampler.name == "adaptive":
        raise ValueError(
            f"the sampler {sampler.name!r} draws noise, or looks at its values, on the way, which cannot be exported; "
            "ddim, heun and dpm++2m can"
        )
    return sampler
