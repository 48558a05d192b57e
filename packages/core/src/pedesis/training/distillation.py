r"""Progressive distillation: a student learns to do in one step of DDIM what its teacher does in two.

    teacher     z_t -> z_t' -> z_t''                  two DDIM steps, t > t' > t''
    target      x~ = (z_t'' - (sigma_t''/sigma_t) z_t) / (alpha_t'' - (sigma_t''/sigma_t) alpha_t)
    loss        max(SNR_t, 1) ||x~ - x0_hat(z_t, t)||^2

x~ is the x_0 that takes the student from z_t to z_t'' in one DDIM step. Halving the steps again and again ends in one;
a teacher may also take more than two steps at once, and be guided by a scale that the student is told.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pedesis.denoiser import Condition, Denoiser, NetworkDenoiser
from pedesis.process import Process, Time, broadcast
from pedesis.samplers import DDIM, Sampler
from pedesis.utils.noise import TrainingNoise


def one_step_target(process: Process, z_t: Tensor, z_end: Tensor, t: Time, end: Time) -> Tensor:
    """[N6] The x_0 with which one DDIM step from (z_t, t) lands on (z_end, end), end < t; (B, ...).

    Formula: \\tilde x = \\frac{z_{t''}-(\\sigma_{t''}/\\sigma_t)z_t}{\\alpha_{t''}-(\\sigma_{t''}/\\sigma_t)\\alpha_t}
    Source: 001, "Enhancements"; Salimans and Ho 2022, appendix G
    """
    alpha_t, sigma_t, _ = process.scales(t, z_t)
    alpha_end, sigma_end, _ = process.scales(end, z_t)
    ratio = sigma_end / sigma_t
    return (z_end - ratio * z_t) / (alpha_end - ratio * alpha_t)


class Distillation:
    """The loss of a student that takes one DDIM step for several of its teacher's, for `pedesis.training.fit`.

    Args:
        teacher: any denoiser; or, if `scales` is given, a function from guidance scales (B,) to one.
        steps: of the student, on the uniform grid.
        substeps: steps of the teacher for each of the student's; 2 halves them, as Salimans and Ho do.
        scales: the range of guidance scales to learn (Meng et al. 2023). Each row draws its own, and the student is
            told it by `NetworkDenoiser.at`.
        sampler: how the teacher walks, without noise; one of higher order is nearer to where its flow leads.
    """

    def __init__(
        self,
        teacher: Denoiser | Callable[[Tensor], Denoiser],
        steps: int,
        substeps: int = 2,
        scales: tuple[float, float] | None = None,
        sampler: Sampler | None = None,
    ):
        if steps < 1 or substeps < 2:
            raise ValueError(
                f"a student takes at least 1 step, for at least 2 of its teacher's; got {steps} and {substeps}"
            )
        self.teacher, self.steps, self.substeps, self.scales = teacher, steps, substeps, scales
        self.sampler = sampler or DDIM()

    def __call__(
        self, student: NetworkDenoiser, x0: Tensor, condition: Condition, noise: TrainingNoise
    ) -> tuple[Tensor, Tensor]:
        """The loss of each row (B,) and the times (B,), drawn from the student's own grid."""
        process, scale = student.process, None
        t = noise.stratified(self.steps)
        number = (t * self.steps).round()  # of the student's step, 1 the one to the data
        end = (number - 1) / self.steps
        z_t = process.marginal(x0, t).sample(noise)
        if self.scales is not None:
            low, high = self.scales
            scale = low + (high - low) * noise.uniform(torch.empty(len(x0), dtype=torch.float64))
            student = student.at(scale)
        z_end = torch.empty_like(z_t)
        for each in number.unique().tolist():
            rows = number == each
            times = torch.linspace(each, each - 1, self.substeps + 1, dtype=torch.float64) / self.steps
            row_condition = None if condition is None else condition[rows]
            z_end[rows] = self.sampler.sample(self._teacher(scale, rows), z_t[rows], times, row_condition)
        with torch.no_grad():
            target = one_step_target(process, z_t, z_end, t, end)
        weight = process.log_snr(t).exp().clamp(min=1)
        error = (target - student.toward(process.log_snr(end)).x0(z_t, t, condition)).square().flatten(1).mean(1)
        return broadcast(weight, error) * error, t

    def _teacher(self, scale: Tensor | None, rows: Tensor) -> Denoiser:
        teacher = self.teacher if scale is None else self.teacher(scale[rows])
        assert isinstance(teacher, Denoiser), "without `scales` the teacher is a denoiser"
        return teacher
