r"""How wide p(x_0 | x_t) is: the variance that the optimal reverse step needs.

    optimal variance of p_theta(x_s | x_t) = var_q + c_0^2 Var[x_0 | x_t]

Exact denoisers know Var[x_0 | x_t]. For others it is estimated once, as a function of the noise level alone
(analytic), or learned as a second output of the network (see `pedesis.training.variational.HybridLoss`).
"""

from __future__ import annotations

import torch
from torch import Tensor

from pedesis.denoiser import Condition, Denoiser, Prediction
from pedesis.gaussian import Noise
from pedesis.process import Process, Time, broadcast
from pedesis.theory.kernels import step_coefficients


class AnalyticVariance(Denoiser):
    """A denoiser with a table of its mean Var[x_0 | x_t] over log_snr (Bao et al. 2022, Analytic-DPM).

    Args:
        log_snrs: (K,) increasing. variances: (K,), the mean of Var[x_0 | x_t] over data and dimensions there;
            between them, log(variance / its value for N(0, I) data) is interpolated linearly.
    """

    def __init__(self, inner: Denoiser, log_snrs: Tensor, variances: Tensor):
        super().__init__(inner.process)
        self.inner = inner
        self.log_snrs, self.variances = log_snrs.double(), variances.double()

    def x0(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor:
        return self.inner.x0(x_t, t, condition)

    def variance(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor:
        return broadcast(self.at(self.process.log_snr(t)), x_t)

    def predict(self, x_t: Tensor, t: Time, condition: Condition = None) -> Prediction:
        predicted: Prediction = self.inner(x_t, t, condition)
        return self.prediction(x_t, t, predicted.x0, predicted.eps, self.variance(x_t, t, condition))

    def at(self, log_snr: Tensor) -> Tensor:
        """The table at any log_snr; constant ratio beyond its ends."""
        ratios = (self.variances / torch.sigmoid(-self.log_snrs)).log()
        place = torch.searchsorted(self.log_snrs, log_snr).clamp(1, len(self.log_snrs) - 1)
        left, right = self.log_snrs[place - 1], self.log_snrs[place]
        share = ((log_snr - left) / (right - left)).clamp(0, 1)
        return torch.exp(torch.lerp(ratios[place - 1], ratios[place], share)) * torch.sigmoid(-log_snr)


def estimate_variance(
    denoiser: Denoiser, x0: Tensor, times: Tensor, noise: Noise, condition: Condition = None, batch: int = 256
) -> tuple[Tensor, Tensor]:
    """Estimate the mean Var[x_0 | x_t] of a denoiser from data: (log_snrs, variances), for `AnalyticVariance`.

    mean Var[x_0 | x_t] = (sigma^2/alpha^2) (1 - E||eps_hat||^2 / d), from the score's norm alone, which is exact for
    the true score (Bao et al. 2022, equation 8). It is kept between 0 and the variance of the data themselves, since
    at high noise it is a small difference of nearly equal numbers.
    """
    largest = x0.double().var(0).mean()
    rows = []
    with torch.no_grad():
        for t in times:
            total = torch.zeros((), dtype=torch.float64)
            for first in range(0, len(x0), batch):
                data = x0[first : first + batch]
                labels = None if condition is None else condition[first : first + batch]
                x_t = denoiser.process.marginal(data, t).sample(noise)
                total += denoiser(x_t, t, labels).eps.double().square().flatten(1).mean(1).sum().cpu()
            rows.append(total / len(x0))
    log_snrs = denoiser.process.log_snr(times)
    variances = (torch.exp(-log_snrs) * (1 - torch.stack(rows)).clamp(min=1e-6)).clamp(max=float(largest))
    order = log_snrs.argsort()
    return log_snrs[order], variances[order]


def analytic_reverse_variance(
    process: Process, s: Time, t: Time, score_square: Tensor, free: Tensor | None = None
) -> Tensor:
    """[N4] The optimal reverse variance from the mean squared score alone, as Analytic-DPM prints it.

    Formula: \\sigma_*^2 = \\lambda^2 + \\Big(\\sqrt{\\tfrac{\\bar\\beta_t}{\\alpha_t}}
        - \\sqrt{\\bar\\beta_{t-1}-\\lambda^2}\\Big)^2
        \\Big(1-\\bar\\beta_t\\,\\mathbb E\\tfrac{\\|\\nabla\\log q(x_t)\\|^2}{d}\\Big)
    Source: 001, "Enhancements" (corrected citation: Bao et al. 2022, equation 8)

    Args:
        score_square: E ||score||^2 / d at time t. free: lambda^2, the variance that the sampler adds by itself:
            the posterior's for ancestral sampling (the default), 0 for DDIM.
    """
    c = step_coefficients(process, s, t)
    _, sigma_s = process.alpha_sigma(process.log_snr(s))
    free = c.posterior_var if free is None else free
    gap = c.sigma / c.ratio - (sigma_s**2 - free).clamp(min=0).sqrt()
    return free + gap**2 * (1 - c.sigma**2 * score_square)
