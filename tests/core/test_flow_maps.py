"""One-step losses against a law whose flow map is known: the exact map has no loss, or the least."""

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from pedesis.denoiser import NetworkDenoiser
from pedesis.guidance import ClassifierFreeGuidance
from pedesis.losses import Drifting, InductiveMomentMatching, MeanFlow, Shortcut, jump
from pedesis.losses.drifting import drift
from pedesis.losses.flow_map import laplace, mean_velocity, same, squared_error
from pedesis.losses.mean_flow import mean_flow_target
from pedesis.losses.moment_matching import discrepancy
from pedesis.nn import MLP, UNet
from pedesis.process import FRAMES, Process
from pedesis.samplers import DDIM, SAMPLERS
from pedesis.schedules import Flow
from pedesis.theory.exact import Mixture, MixtureDenoiser
from pedesis.training.distillation import Distillation
from pedesis.utils.noise import TrainingNoise, gaussian_noise

D = torch.float64
END = Flow().end  # sigma at t = 1, where sigma = END t
MEAN, VAR = torch.tensor([0.4, -0.3], dtype=D), torch.tensor([0.25, 1.5], dtype=D)


class GaussianFlow(torch.nn.Module):
    r"""The network that knows the flow map of data from N(m, diag c) on straight paths.

    x_s = alpha_s m + sqrt(v_s / v_t) (x_t - alpha_t m),   v = alpha^2 c + sigma^2
    u   = -m + (x_t - alpha_t m) ((sigma_t + sigma_s)(1 + c) - 2 c) / (sqrt(v_t) (sqrt(v_t) + sqrt(v_s)))

    `wrong` stretches the answer.
    """

    config = SimpleNamespace(jumps=True)

    def __init__(self, wrong: float = 0.0):
        super().__init__()
        self.wrong = wrong

    def forward(self, x: Tensor, log_snr: Tensor, condition: None, end: Tensor | None = None) -> Tensor:
        sigma, sigma_s = ((-level / 2).sigmoid()[:, None] for level in (log_snr, log_snr if end is None else end))
        x_t = x * ((1 - sigma) ** 2 + sigma**2).sqrt()  # before c_in, with data_std = 1
        root, root_s = (((1 - s) ** 2 * VAR + s**2).sqrt() for s in (sigma, sigma_s))
        slope = ((sigma + sigma_s) * (1 + VAR) - 2 * VAR) / (root * (root + root_s))
        return (1 + self.wrong) * (-MEAN + (x_t - (1 - sigma) * MEAN) * slope)


def denoiser(wrong: float = 0.0, frame: str = "flow") -> NetworkDenoiser:
    return NetworkDenoiser(GaussianFlow(wrong), Process("flow", frame), "flow")


def data(count: int, seed: int = 0) -> Tensor:
    return MEAN + VAR.sqrt() * gaussian_noise(seed)(torch.empty(count, 2, dtype=D))


def levels(*times: float, rows: int = 16) -> list[Tensor]:
    return [Process("flow", "flow").log_snr(torch.full((rows,), t, dtype=D)) for t in times]


def teacher(frame: str = "flow") -> MixtureDenoiser:
    """The exact denoiser of the same law."""
    law = Mixture(torch.ones(1, dtype=D), MEAN[None], torch.diag(VAR)[None], torch.zeros(1, dtype=torch.long))
    return MixtureDenoiser(law, Process("flow", frame))


def test_the_oracle_is_where_the_exact_flow_leads(points: Tensor) -> None:
    """The closed form of these tests, against 100 steps of Heun with the exact denoiser; and for s = t, itself."""
    exact = teacher()
    t, s = levels(0.9, 0.2)
    walked = SAMPLERS.build({"name": "heun"}).sample(exact, points, torch.linspace(0.9, 0.2, 101, dtype=D))
    torch.testing.assert_close(jump(denoiser(), points, t, s), walked, rtol=1e-3, atol=1e-3)
    told = exact(points, 0.9)
    torch.testing.assert_close(mean_velocity(denoiser(), points, t, t), told.eps - told.x0, rtol=1e-9, atol=1e-9)


def test_jumps_compose_and_the_shortest_goes_nowhere(points: Tensor) -> None:
    t, m, s = levels(0.9, 0.5, 0.0)
    whole = jump(denoiser(), points, t, s)
    torch.testing.assert_close(jump(denoiser(), jump(denoiser(), points, t, m), m, s), whole, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(jump(denoiser(), points, t, t), points, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_ddim_walks_a_flow_map_exactly_in_any_number_of_steps(points: Tensor, steps: int) -> None:
    process = Process("flow", "flow")
    times = torch.linspace(1, 0, steps + 1, dtype=D)
    one = jump(denoiser(), points, process.log_snr(1.0), process.log_snr(0.0))
    torch.testing.assert_close(DDIM().sample(denoiser(), points, times), one, rtol=1e-8, atol=1e-8)
    guided = ClassifierFreeGuidance(denoiser(), 1.0)
    torch.testing.assert_close(DDIM().sample(guided, points, times), one, rtol=1e-8, atol=1e-8)
    assert guided.inner.end is None, "the rule itself is told nothing"
    untold = DDIM(0.0).sample(teacher(), points, times)
    assert (untold - one).abs().max() > 1e-3, "a denoiser that does not look ahead has an error"


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "ddim"])
def test_no_other_sampler_tells_the_end(name: str) -> None:
    assert not SAMPLERS.build({"name": name}).jumps and not DDIM(eta=0.5).jumps


@pytest.mark.parametrize("frame", list(FRAMES))
def test_a_flow_map_is_the_same_in_every_frame(points: Tensor, frame: str) -> None:
    """x / (alpha + sigma) is the point on the straight path."""
    t, s = levels(0.8, 0.3)
    scale_t, scale_s = (sum(Process("flow", frame).alpha_sigma(level))[:, None] for level in (t, s))
    there = jump(denoiser(frame=frame), points * scale_t, t, s) / scale_s
    torch.testing.assert_close(there, jump(denoiser(), points, t, s), rtol=1e-9, atol=1e-9)


SMALL_UNET = {"widths": (8, 12), "detail": 4, "embedding": 16}


@pytest.mark.parametrize("network", [MLP(width=16, jumps=True), UNet(**SMALL_UNET, jumps=True)])
def test_networks_begin_blind_to_the_end_and_learn_it(network: torch.nn.Module) -> None:
    for name, weights in network.named_parameters():
        if "end.number.second" not in name:
            torch.nn.init.normal_(weights, std=0.2)
    x = torch.randn(4, *((2,) if isinstance(network, MLP) else (1, 8, 8)), generator=torch.Generator().manual_seed(0))
    map_ = NetworkDenoiser(network, Process("flow", "flow"), "flow")
    t, s = (level.float() for level in levels(0.8, 0.0, rows=4))

    def moved() -> float:
        with torch.no_grad():
            assert torch.equal(mean_velocity(map_, x, t, t), map_.network_output(x, t)[0]), "no end is the end t"
            return float((mean_velocity(map_, x, t, s) - mean_velocity(map_, x, t, t)).abs().max())

    assert moved() == 0
    torch.nn.init.normal_(network.end.number.second.weight)
    assert moved() > 1e-3
    assert NetworkDenoiser(MLP(), Process()).toward(0.0).end is None, "a network without the input is told nothing"


# -- shortcut models ------------------------------------------------------------------------------------------


def test_two_jumps_of_the_exact_map_are_one() -> None:
    """All rows learn consistency, and the exact map has no loss; a map that is 10 % wrong is consistent too little."""
    noise = TrainingNoise(0, 0, 256)
    losses, t = Shortcut(consistency=1.0, finest=2**20)(denoiser(), data(256), None, noise)
    coarse = losses[t * 1024 % 1 == 0]  # the shortest ways ask for the velocity in place of the jump
    assert len(coarse) > 50 and coarse.max() < 1e-18
    wrong, _ = Shortcut(consistency=1.0, finest=2**20)(denoiser(0.1), data(256), None, noise)
    assert wrong.mean() > 1e-6


def test_shortcut_steps_are_powers_of_two_and_end_on_the_grid() -> None:
    seen: list[Tensor] = []

    class Watched(GaussianFlow):
        def forward(self, x: Tensor, log_snr: Tensor, condition: None, end: Tensor | None = None) -> Tensor:
            assert end is not None
            seen.append(torch.stack([(-log_snr / 2).sigmoid(), (-end / 2).sigmoid()]) / END)
            return super().forward(x, log_snr, condition, end)

    watched = NetworkDenoiser(Watched(), Process("flow", "flow"), "flow")
    _, t = Shortcut(consistency=0.25, finest=64)(watched, data(4096), None, TrainingNoise(1, 0, 4096))
    first, second, all_rows = seen
    length = all_rows[0] - all_rows[1]
    jumping = length > 1e-9
    assert float(jumping.double().mean()) == pytest.approx(0.25, abs=0.03)
    pieces = 1 / length[jumping]
    torch.testing.assert_close(pieces.log2(), pieces.log2().round(), rtol=0, atol=1e-6)
    assert pieces.round().unique().tolist() == [1, 2, 4, 8, 16, 32, 64]
    on_grid = t[jumping] * pieces
    torch.testing.assert_close(on_grid, on_grid.round(), rtol=0, atol=1e-6)
    shortest = pieces.round() == 64
    torch.testing.assert_close((first[0] - first[1])[~shortest], length[jumping][~shortest] / 2, rtol=0, atol=1e-9)
    assert float((first[0] - first[1])[shortest].abs().max()) < 1e-9, "the shortest jump asks for the velocity"
    torch.testing.assert_close(second[0], first[0] - length[jumping] / 2, rtol=0, atol=1e-9)


def test_the_least_of_flow_matching_is_the_variance_of_the_velocity() -> None:
    """E (v - u)^2 = Var[v | x_t] = c / (alpha^2 c + sigma^2) at the exact velocity, and more at another one."""
    rows = 6_000
    for loss in (Shortcut(consistency=0.0), MeanFlow(jumping=0.0, power=0.0)):
        losses, t = loss(denoiser(), data(rows), None, TrainingNoise(2, 0, rows))
        sigma = t[:, None] * END
        least = (VAR / ((1 - sigma) ** 2 * VAR + sigma**2)).mean(1)
        assert float((losses - least).mean()) == pytest.approx(0, abs=4 * float((losses - least).std()) / rows**0.5)
        more, _ = loss(denoiser(1.0), data(rows), None, TrainingNoise(2, 0, rows))
        assert float((more - least).mean()) > 10 * float((losses - least).std()) / rows**0.5


# -- mean flows -----------------------------------------------------------------------------------------------


def test_mean_flow_identity_holds_for_the_exact_map(points: Tensor) -> None:
    """With the marginal velocity along the flow, the target of the exact map is the map itself."""
    for time_t, time_s in ((0.9, 0.0), (0.6, 0.5), (1.0, 0.3), (0.4, 0.4)):
        t, s = levels(time_t, time_s)
        v = mean_velocity(denoiser(), points, t, t)
        u, target = mean_flow_target(denoiser(), points, t, s, v)
        torch.testing.assert_close(target, u, rtol=1e-9, atol=1e-9)
    u, target = mean_flow_target(denoiser(0.1), points, *levels(0.9, 0.0), v)
    assert (u - target).abs().max() > 1e-2


def test_the_derivative_of_mean_flows_is_that_of_finite_differences(points: Tensor) -> None:
    torch.manual_seed(0)
    network = MLP(width=16, jumps=True).double()
    for weights in network.parameters():
        torch.nn.init.normal_(weights, std=0.3)
    map_ = NetworkDenoiser(network, Process("flow", "flow"), "flow")
    v, sigma_t, sigma_s, h = points.roll(1, 0), 0.7, 0.2, 1e-5

    def u(step: float) -> Tensor:
        level = 2 * torch.log(torch.full((16,), (1 - sigma_t - step) / (sigma_t + step), dtype=D))
        return mean_velocity(map_, points + step * v, level, end)

    end = 2 * torch.log(torch.full((16,), (1 - sigma_s) / sigma_s, dtype=D))
    slope = (u(h) - u(-h)) / (2 * h)
    _, target = mean_flow_target(map_, points, 2 * torch.log(torch.full((16,), 3 / 7, dtype=D)), end, v)
    torch.testing.assert_close((v - target) / (sigma_t - sigma_s), slope, rtol=1e-6, atol=1e-8)
    assert slope.abs().max() > 0.05


def test_rows_of_a_mean_flow_with_large_errors_count_less() -> None:
    """The weight is 1 / (error + 0.001), and no gradient goes through it."""
    torch.manual_seed(0)
    network = MLP(width=16, jumps=True).double()
    torch.nn.init.normal_(network.last.weight, std=0.3)
    map_ = NetworkDenoiser(network, Process("flow", "flow"), "flow")
    noise = lambda: TrainingNoise(0, 0, 64)  # noqa: E731
    plain, _ = MeanFlow(jumping=1.0, power=0.0)(map_, data(64), None, noise())
    weighted, _ = MeanFlow(jumping=1.0, power=1.0)(map_, data(64), None, noise())
    torch.testing.assert_close(weighted, plain / (plain + 1e-3))
    rows = [torch.autograd.grad(loss[0], network.last.bias, retain_graph=True)[0] for loss in (plain, weighted)]
    torch.testing.assert_close(rows[1], rows[0] / (plain[0] + 1e-3))


# -- moment matching ------------------------------------------------------------------------------------------


def test_discrepancy_is_zero_for_equal_clouds_and_a_double_sum_for_others(points: Tensor) -> None:
    """Against the double sum, and for a far away cloud: 1/M + 1/M, all kernels but the diagonal being zero."""
    y, known, width = points[None, :8], points[None, 8:], torch.full((1, 1, 1), 0.7, dtype=D)
    alike = same(None, 8)
    assert discrepancy(y, y.flip(1), width, alike).mean() == pytest.approx(0, abs=1e-15)

    def mean_kernel(a: Tensor, b: Tensor) -> float:
        return sum(float((-(p - q).norm() / 0.7).exp()) for p in a[0] for q in b[0]) / 64

    found = float(discrepancy(y, known, width, alike).mean())
    assert found == pytest.approx(mean_kernel(y, y) + mean_kernel(known, known) - 2 * mean_kernel(y, known))
    spread = 1e4 * points[None]
    assert float(discrepancy(spread[:, :8], spread[:, 8:], width, alike).mean()) == pytest.approx(2 / 8)


def test_large_groups_see_that_the_laws_of_the_exact_map_are_equal() -> None:
    """For clouds of one law the mean over i, j is of the order of 1/M; for a wrong map it does not fall with M."""

    def mean(wrong: float, group: int) -> float:
        loss = InductiveMomentMatching(group=group, pieces=1)
        return float(loss(denoiser(wrong), data(2048, 3), None, TrainingNoise(5, 0, 2048))[0].mean())

    small, large = mean(0.0, 32), mean(0.0, 1024)
    assert large < small / 8
    assert mean(1.0, 1024) > 5 * large


def test_the_gradient_of_moment_matching_vanishes_at_the_exact_map() -> None:
    """d loss / d wrong at 0 is within its error of zero, and points back to 0 from either side."""
    slopes = {}
    for wrong in (-0.2, 0.0, 0.2):
        each = []
        for step in range(12):
            network = GaussianFlow()
            network.wrong = torch.tensor(wrong, dtype=D, requires_grad=True)
            map_ = NetworkDenoiser(network, Process("flow", "flow"), "flow")
            loss, noise = InductiveMomentMatching(group=64, pieces=2), TrainingNoise(6, step, 512)
            losses, _ = loss(map_, data(512, step), None, noise)
            each.append(torch.autograd.grad(losses.mean(), network.wrong)[0])
        slopes[wrong] = torch.stack(each)
    assert slopes[-0.2].mean() < 0 < slopes[0.2].mean()
    assert abs(slopes[0.0].mean()) < 0.1 * min(abs(slopes[w].mean()) for w in (-0.2, 0.2))


def test_r_is_a_fixed_piece_of_the_noise_level_below_t_and_never_below_s() -> None:
    process = Process("flow", "flow")
    t, s = (process.log_snr(torch.tensor(times, dtype=D)) for times in ([0.9, 0.9, 0.01], [0.1, 0.899, 0.0]))
    r = InductiveMomentMatching(pieces=10).below(t, s, process.log_snr(1.0))
    ratio = lambda level: (-level / 2).exp()  # noqa: E731
    assert float(ratio(t[0]) - ratio(r[0])) == pytest.approx(float(ratio(process.log_snr(1.0))) / 1024)
    assert r[1] == s[1] and r[2] == torch.inf


def test_groups_share_their_times_and_must_be_whole() -> None:
    loss = InductiveMomentMatching(group=4)
    whole, t = loss(denoiser(), data(16), None, TrainingNoise(0, 0, 16))
    assert len(t.unique()) == 4 and torch.equal(t.view(4, 4), t.view(4, 4)[:, :1].expand(4, 4))
    halves = [range(8), range(8, 16)]
    parts = [loss(denoiser(), data(16)[list(rows)], None, TrainingNoise(0, 0, 16, rows))[0] for rows in halves]
    torch.testing.assert_close(torch.cat(parts), whole, rtol=1e-9, atol=1e-12)
    with pytest.raises(ValueError, match="groups of 4.*got rows 0 to 5"):
        loss(denoiser(), data(6), None, TrainingNoise(0, 0, 6))


# -- drifting -------------------------------------------------------------------------------------------------


def test_no_gradient_reaches_the_target(points: Tensor) -> None:
    """Else shortcut, mean-flow and drifting losses could be lowered by moving what is to be reached."""
    target, output = points.clone().requires_grad_(), (2 * points + 1).requires_grad_()
    squared_error(target, output).sum().backward()
    assert target.grad is None and output.grad is not None
    torch.testing.assert_close(output.grad, 2 * (output - target).detach() / points[0].numel())


def test_the_drifting_field_is_antisymmetric_and_zero_for_equal_clouds(points: Tensor) -> None:
    x, p, q = points[:4], points[4:9], points[9:]
    torch.testing.assert_close(drift(x, p, 0.3, q), -drift(x, q, 0.3, p))
    assert drift(x, p, 0.3, p.flip(0)).abs().max() < 1e-15
    assert drift(x, p, 0.3, q).abs().max() > 0.1


def test_the_drifting_field_is_the_formula_of_the_paper(points: Tensor) -> None:
    """E[k(x, y+) k(x, y-) (y+ - y-)] / (Z_p Z_q), summed pair by pair."""
    x, p, q, tau = points[:3], points[3:8], points[8:], 0.4
    k_p, k_q = laplace(x, p, torch.tensor(tau)), laplace(x, q, torch.tensor(tau))
    pairs = torch.einsum("ni,nj,ijd->nd", k_p, k_q, p[:, None] - q[None])
    torch.testing.assert_close(drift(x, p, tau, q), pairs / (k_p.sum(1) * k_q.sum(1))[:, None])


def test_no_row_is_repelled_by_itself(points: Tensor) -> None:
    """Two drawn points: each is pulled to the data and pushed from the other, wherever it stands itself."""
    drawn, target = points[:2], points[2:3]
    torch.testing.assert_close(drift(drawn, target, 0.3), target - drawn.flip(0))


def test_drifting_rests_where_the_laws_are_equal_and_leads_there_from_elsewhere() -> None:
    """Of fresh draws of one law the mean field along x is 0 within its error; of a stretched law it points inwards."""

    def along(stretch: float, seed: int) -> Tensor:
        x = MEAN + stretch * (data(1024, seed) - MEAN)
        return ((x - MEAN) * drift(x, data(1024, seed + 100), 0.5)).sum(1).mean()

    for stretch, sign in ((1.0, 0), (1.3, -1), (0.7, 1)):
        each = torch.stack([along(stretch, seed) for seed in range(12)])
        error = float(each.std()) / 12**0.5
        assert (abs(each.mean()) < 4 * error < 0.1) if sign == 0 else (sign * each.mean() > 5 * error), (stretch, each)


def test_drifting_pulls_the_generator_by_the_field() -> None:
    """Its gradient by the drawn points is -2 V / D: that of ||x - (x + V)||^2 with a fixed target."""
    network = GaussianFlow()
    network.wrong = torch.tensor(0.2, dtype=D, requires_grad=True)
    map_ = NetworkDenoiser(network, Process("flow", "flow"), "flow")
    noise = TrainingNoise(0, 0, 32)
    losses, t = Drifting((0.3,))(map_, data(32), None, noise)
    assert (t == 1).all()
    start = map_.process.prior(data(32)).sample(TrainingNoise(0, 0, 32))
    x = jump(map_, start, map_.process.log_snr(1.0), map_.process.log_snr(0.0))
    field = drift(x.detach(), data(32), 0.3 * torch.cdist(x.detach(), data(32)).mean())
    torch.testing.assert_close(losses, field.square().mean(1))
    (found,) = torch.autograd.grad(losses.sum(), network.wrong)
    (expected,) = torch.autograd.grad(-(x * field).sum(), network.wrong)
    torch.testing.assert_close(found, expected)


def test_drifting_needs_the_whole_batch() -> None:
    with pytest.raises(ValueError, match=r"accumulate=1.*got 8 of 16 rows"):
        Drifting()(denoiser(), data(8), None, TrainingNoise(0, 0, 16, range(8)))


# -- what they share ------------------------------------------------------------------------------------------


def test_rows_of_different_classes_are_no_neighbors() -> None:
    """A batch of two classes, in the groups of one, gives what each class gives alone."""
    classes = torch.tensor([0, 0, 1, 1, -1, -2])
    expected = torch.block_diag(*[torch.ones(2, 2)] * 3).bool()
    assert torch.equal(same(classes, 6)[0], expected)
    assert torch.equal(same(torch.stack([classes, classes * 0], 1), 6)[0], expected)
    x, drawn = data(6, 1), data(6, 2)
    both = drift(drawn, x, 0.3, alike=expected)
    alone = torch.cat([drift(d, p, 0.3) for d, p in zip(drawn.split(2), x.split(2), strict=True)])
    torch.testing.assert_close(both, alone)
    lonely = drift(drawn, x, 0.3, alike=torch.eye(6, dtype=torch.bool))
    assert not lonely.any(), "one that is alone does not move"
    width = torch.ones(1, 1, 1, dtype=D)
    mixed = discrepancy(drawn[None], x[None], width, expected[None]).mean()
    pairs = zip(drawn.split(2), x.split(2), strict=True)
    parts = [discrepancy(d[None], p[None], width, same(None, 2)).mean() for d, p in pairs]
    assert float(mixed) == pytest.approx(float(sum(parts)) / 9)


LOSSES = [Shortcut(), MeanFlow(), InductiveMomentMatching()]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_the_wrong_network_is_refused(loss: Shortcut) -> None:
    noise, x0 = TrainingNoise(0, 0, 8), torch.zeros(8, 2)
    for network, frame, asked, word in (
        (MLP(), "flow", "flow", "jumps=True"),
        (MLP(jumps=True), "vp", "flow", "got 'vp' and 'flow'"),
        (MLP(jumps=True), "flow", "v", "got 'flow' and 'v'"),
    ):
        with pytest.raises(ValueError, match=word):
            loss(NetworkDenoiser(network, Process("flow", frame), asked), x0, None, noise)


def test_arguments_out_of_range_are_refused() -> None:
    for make in (
        lambda: Shortcut(consistency=1.5),
        lambda: Shortcut(finest=48),
        lambda: MeanFlow(std=0.0),
        lambda: MeanFlow(jumping=-1),
        lambda: InductiveMomentMatching(group=0),
        lambda: Drifting(()),
        lambda: Drifting((0.1, 0.0)),
    ):
        with pytest.raises(ValueError, match="got"):
            make()


def test_a_student_that_is_told_the_end_learns_all_numbers_of_steps_without_contradiction() -> None:
    """The exact flow map has no loss for 4 steps and none for 1, with a teacher that follows the flow closely."""
    for steps in (1, 4):
        follow = Distillation(teacher(), steps, substeps=64 // steps, sampler=SAMPLERS.build({"name": "heun"}))
        losses, _ = follow(denoiser(), data(16), None, TrainingNoise(0, 0, 16))
        untold, _ = follow(teacher(), data(16), None, TrainingNoise(0, 0, 16))  # type: ignore[arg-type]
        assert losses.mean() < 1e-3 * untold.mean()
