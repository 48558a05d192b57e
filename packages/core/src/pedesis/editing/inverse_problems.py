"""Inverse problems: data that explain a measurement y = A x_0 + s n, n ~ N(0, I), drawn with any denoiser.

    E[x_0 | x_t, y] = x0_hat + C A^T (A C A^T + s^2 I)^-1 (y - A x0_hat),    C = Cov[x_0 | x_t]

exactly, if p(x_0 | x_t) is Gaussian. The rules differ in what they put for C, outside and inside the inverse:

    null space (DDNM)          r^2 and r^2: no gradient; if s = 0, x0_hat + A^+ (y - A x0_hat) whatever r is
    pseudo-inverse (Pi-GDM)    C and r^2; with r = 0 it is DPS
    moment matching (MMPS)     C and C

with C v = (sigma^2/alpha) (d x0_hat/d x_t)^T v by automatic differentiation, and r^2 an assumed Var[x_0 | x_t].
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pedesis.denoiser import Condition, Denoiser, Prediction
from pedesis.editing.operators import Operator, conjugate_gradients
from pedesis.guidance.base import Guided
from pedesis.process import Time, broadcast
from pedesis.theory.reverse import VARIANCE_RULES


class MeasurementGuided(Guided):
    """A denoiser that also knows a measurement of the data; the rules below write `x0`.

    Args:
        operator: A. measurement: y, broadcastable to A x. noise: s >= 0, its standard deviation.
        variance: r^2, by a name in `pedesis.theory.reverse.VARIANCE_RULES`: "beta" (as for N(0, I) data, the choice of
            Pi-GDM), "optimal" (what the denoiser says, its mean over each row) or "posterior" (0, as DPS). Where A
            averages neighbors that move together, r^2 A A^T falls short of A C A^T: "beta" is the safer there.
    """

    def __init__(
        self, inner: Denoiser, operator: Operator, measurement: Tensor, noise: float = 0.0, variance: str = "beta"
    ):
        super().__init__(inner)
        self.operator, self.measurement, self.noise = operator, measurement, noise
        self.rule = VARIANCE_RULES.build({"name": variance})
        if noise < 0:
            raise ValueError(f"the noise of a measurement is a standard deviation, at least 0; got {noise}")
        if noise == 0 and variance == "posterior":
            raise ValueError("with variance 'posterior' nothing is uncertain but the measurement: noise must be > 0")

    def variance(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor | None:
        """None: less than the inner denoiser's, by how much is not known."""
        return None

    def residual(self, x0: Tensor) -> Tensor:
        """y - A x0."""
        return self.measurement.to(x0) - self.operator.apply(x0)


class DDNM(MeasurementGuided):
    """Replace what A sees of the estimate by what was measurement, and keep the rest (Wang et al. 2023, DDNM).

    With noise, by as much as the measurement is surer than the estimate. With a `Mask` and no noise this is
    `pedesis.editing.InpaintingDenoiser`. Exact for data N(mean, c I).
    """

    def x0(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor:
        predicted: Prediction = self.inner(x_t, t, condition)
        if self.noise == 0:
            return predicted.x0 + self.operator.pseudo_inverse(self.residual(predicted.x0))
        r_squared = row_mean(self.rule.data_variance(predicted), x_t)
        solved = self.operator.solve(self.residual(predicted.x0), r_squared, self.noise**2)
        return predicted.x0 + r_squared * self.operator.adjoint(solved)


class PiGDM(MeasurementGuided):
    """Pi-GDM (Song et al. 2023): grad log N(y; A x0_hat, r^2 A A^T + s^2 I) with respect to x_t steers the denoiser.

    Exact for data N(mean, c I) with variance "optimal". With variance "posterior" (r = 0) it is the gradient of DPS
    (Chung et al. 2023) at its true size, which overshoots wherever s is small beside the spread of x_0.
    """

    def x0(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor:
        with torch.enable_grad():
            x = x_t.detach().requires_grad_()
            predicted: Prediction = self.inner(x, t, condition)
        x0, r_squared = predicted.x0.detach(), row_mean(self.rule.data_variance(predicted).detach(), x_t)
        factor = (predicted.sigma**2 / predicted.alpha).detach()

        def covariance(v: Tensor) -> Tensor:
            (product,) = torch.autograd.grad(predicted.x0, x, v, retain_graph=True)
            return factor * product

        solved = self.solve_residual(self.residual(x0), covariance, r_squared)
        return x0 + covariance(self.operator.adjoint(solved))

    def solve_residual(self, residual: Tensor, covariance: Callable[[Tensor], Tensor], r_squared: Tensor) -> Tensor:
        """The residual over its variance: (A C A^T + s^2 I)^-1 residual, here with C = r^2 I.

        Args:
            covariance: v -> Cov[x_0 | x_t] v. r_squared: r^2, one per row.
        """
        return self.operator.solve(residual, r_squared, self.noise**2)


class MMPS(PiGDM):
    """Moment matching posterior sampling (Rozet et al. 2024): the whole Cov[x_0 | x_t], inside the inverse too.

    Exact for Gaussian data of any covariance once conjugate gradients have converged. Each of their iterations is one
    backward pass; the inverse of Pi-GDM preconditions them, so that for data N(mean, c I) one is enough.

    Args:
        iterations: of conjugate gradients, at least 1.
    """

    def __init__(
        self,
        inner: Denoiser,
        operator: Operator,
        measurement: Tensor,
        noise: float = 0.0,
        variance: str = "beta",
        iterations: int = 3,
    ):
        super().__init__(inner, operator, measurement, noise, variance)
        if iterations < 1:
            raise ValueError(f"conjugate gradients need at least 1 iteration; got {iterations}")
        self.iterations = iterations

    def solve_residual(self, residual: Tensor, covariance: Callable[[Tensor], Tensor], r_squared: Tensor) -> Tensor:
        def matrix(v: Tensor) -> Tensor:
            return self.operator.apply(covariance(self.operator.adjoint(v))) + self.noise**2 * v

        def preconditioner(v: Tensor) -> Tensor:
            return self.operator.solve(v, r_squared, self.noise**2)

        return conjugate_gradients(matrix, preconditioner, residual, self.iterations)


def row_mean(variance: Tensor, like: Tensor) -> Tensor:
    """One variance per row, shaped to multiply `like` (B, ...)."""
    return broadcast(variance.expand_as(like).flatten(1).mean(1), like)
