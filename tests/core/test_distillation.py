"""Progressive distillation: the target is the inverse of a DDIM step, and the perfect student has no loss."""

from types import SimpleNamespace

import pytest
import torch

from pedesis.denoiser import Condition, Denoiser, NetworkDenoiser
from pedesis.process import FRAMES, Process, Time
from pedesis.samplers import DDIM, SAMPLERS
from pedesis.theory.exact import Mixture, MixtureDenoiser
from pedesis.training.distillation import Distillation, one_step_target
from pedesis.utils.noise import TrainingNoise, gaussian_noise
from pedesis.utils.precision import full_precision

D = torch.float64


@pytest.mark.row("N6")
@pytest.mark.parametrize("frame", list(FRAMES))
def test_one_step_with_the_target_lands_where_two_steps_of_the_teacher_do(
    mixture: Mixture, points: torch.Tensor, frame: str
) -> None:
    process = Process("cosine", frame)
    teacher = MixtureDenoiser(mixture, process)
    two = DDIM().sample(teacher, points, torch.tensor([0.8, 0.7, 0.6], dtype=D))
    target = one_step_target(process, points, two, 0.8, 0.6)

    class Student(Denoiser):
        def x0(self, x_t: torch.Tensor, t: Time, condition: Condition = None) -> torch.Tensor:
            return target

    one = DDIM().sample(Student(process), points, torch.tensor([0.8, 0.6], dtype=D))
    torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-9)


@pytest.mark.row("N6")
def test_in_the_lectures_symbols(points: torch.Tensor) -> None:
    process = Process("linear")
    bar = process.chain(1000).alpha_bar
    z_t, z_end = points, points.roll(1, 0)
    a_t, a_end, s_t, s_end = bar[600].sqrt(), bar[200].sqrt(), (1 - bar[600]).sqrt(), (1 - bar[200]).sqrt()
    expected = (z_end - s_end / s_t * z_t) / (a_end - s_end / s_t * a_t)
    torch.testing.assert_close(one_step_target(process, z_t, z_end, 0.6, 0.2), expected, rtol=1e-8, atol=1e-8)


class TwoSteps(Denoiser):
    """The perfect student: it works out both steps of its teacher and answers with the target."""

    def __init__(self, teacher: Denoiser, steps: int):
        super().__init__(teacher.process)
        self.teacher, self.steps = teacher, steps

    def x0(self, x_t: torch.Tensor, t: Time, condition: Condition = None) -> torch.Tensor:
        every = torch.as_tensor(t, dtype=D).expand(len(x_t))
        answer = torch.empty_like(x_t)
        for now in every.unique():
            times = (now - torch.tensor([0, 0.5, 1], dtype=D) / self.steps).clamp(min=0)
            landed = DDIM().sample(self.teacher, x_t[every == now], times)
            answer[every == now] = one_step_target(self.process, x_t[every == now], landed, times[0], times[-1])
        return answer


@pytest.mark.row("N6")
@pytest.mark.parametrize("steps", [1, 4])
def test_the_perfect_student_has_no_loss_and_walks_like_its_teacher(mixture: Mixture, steps: int) -> None:
    teacher = MixtureDenoiser(mixture, Process("cosine"))
    student = TwoSteps(teacher, steps)
    x0, _ = mixture.sample(64, gaussian_noise(0), torch.linspace(0, 0.99, 64, dtype=D))
    losses, t = Distillation(teacher, steps)(student, x0, None, TrainingNoise(0, 0, 64))  # type: ignore[arg-type]
    assert losses.max() < 1e-18 * 1e6
    assert set((t * steps).round(decimals=9).tolist()) == set(range(1, steps + 1)), "only the student's own times"
    worse, _ = Distillation(teacher, steps)(teacher, x0, None, TrainingNoise(0, 0, 64))  # type: ignore[arg-type]
    assert worse.mean() > 1e-4
    start = gaussian_noise(3)(torch.empty(64, 2, dtype=D))
    grid = lambda n: torch.linspace(1, 0, n + 1, dtype=D)  # noqa: E731
    torch.testing.assert_close(
        DDIM().sample(student, start, grid(steps)), DDIM().sample(teacher, start, grid(2 * steps))
    )


@pytest.mark.parametrize("substeps", [2, 3, 4])
def test_the_target_of_many_substeps_lands_where_the_teacher_does(mixture: Mixture, substeps: int) -> None:
    teacher = MixtureDenoiser(mixture, Process("cosine"))
    x0, _ = mixture.sample(64, gaussian_noise(0), torch.linspace(0, 0.99, 64, dtype=D))
    targets: list[torch.Tensor] = []

    class Student(Denoiser):
        def x0(self, x_t: torch.Tensor, t: Time, condition: Condition = None) -> torch.Tensor:
            targets.append(x_t)
            return torch.zeros_like(x_t)

    noise = TrainingNoise(0, 0, 64)
    losses, t = Distillation(teacher, 2, substeps)(Student(teacher.process), x0, None, noise)  # type: ignore[arg-type]
    (z_t,) = targets
    late = t == 1.0
    walked = DDIM().sample(teacher, z_t[late], torch.linspace(1, 0.5, substeps + 1, dtype=D))
    target = one_step_target(teacher.process, z_t[late], walked, 1.0, 0.5)
    torch.testing.assert_close(losses[late], target.square().mean(1))  # the weight is 1: SNR(1) < 1


def test_the_scale_reaches_teacher_and_student(mixture: Mixture) -> None:
    """A teacher whose answer is its scale, and a network that is told it, agree; one that is not, does not."""

    class Constant(Denoiser):
        def __init__(self, process: Process, scale: torch.Tensor):
            super().__init__(process)
            self.scale = scale

        def x0(self, x_t: torch.Tensor, t: Time, condition: Condition = None) -> torch.Tensor:
            return self.scale[:, None].to(x_t).expand_as(x_t)

    class Told(torch.nn.Module):
        config = SimpleNamespace(guided=True)

        def forward(self, x: torch.Tensor, log_snr: torch.Tensor, condition: None, scale: torch.Tensor) -> torch.Tensor:
            return scale[:, None].expand_as(x)

    process = Process("cosine")
    student = NetworkDenoiser(Told(), process, "x0")
    x0, noise = torch.zeros(64, 2, dtype=D), TrainingNoise(0, 0, 64)
    seen: list[torch.Tensor] = []

    def teacher(scale: torch.Tensor) -> Denoiser:
        seen.append(scale)
        return Constant(process, scale)

    with full_precision():
        losses, _ = Distillation(teacher, 4, 2, (1.0, 5.0))(student, x0, None, noise)
    assert losses.max() < 1e-10
    assert [len(rows) for rows in seen] == [16] * 4, "the rows of a student's step walk together"
    scale = torch.cat(seen)
    assert scale.min() >= 1 and scale.max() <= 5 and scale.std() == pytest.approx(4 / 12**0.5, rel=0.2)


def test_a_student_needs_a_step(mixture: Mixture) -> None:
    with pytest.raises(ValueError, match="at least 1 step"):
        Distillation(MixtureDenoiser(mixture, Process("cosine")), 0)
    with pytest.raises(ValueError, match="at least 2 of its teacher's"):
        Distillation(MixtureDenoiser(mixture, Process("cosine")), 4, 1)


def test_a_teacher_of_higher_order_leads_nearer_to_the_end_of_its_flow(mixture: Mixture) -> None:
    teacher = MixtureDenoiser(mixture, Process("cosine"))
    x0, _ = mixture.sample(256, gaussian_noise(0), torch.linspace(0, 0.99, 256, dtype=D))

    class Silent(Denoiser):
        def x0(self, x_t: torch.Tensor, t: Time, condition: Condition = None) -> torch.Tensor:
            return torch.zeros_like(x_t)

    def losses(substeps: int, sampler: str) -> torch.Tensor:
        rule = Distillation(teacher, 4, substeps, sampler=SAMPLERS.build({"name": sampler}))
        each, t = rule(Silent(teacher.process), x0, None, TrainingNoise(0, 0, 256))  # type: ignore[arg-type]
        return each[t > 0.3]  # the last step, to clean data, is Euler's for all

    truth = losses(128, "ddim")
    wrong = {name: float((losses(3, name) - truth).abs().mean()) for name in ("ddim", "unipc")}
    assert wrong["unipc"] < 0.3 * wrong["ddim"], wrong
