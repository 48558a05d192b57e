r"""The loss of networks that are known: one that answers the best that can be, E[target | x_t], and one that answers 0.

The data are N(m, s^2) in every element, for which the best answer is linear in x_t (`pedesis.doctor.known`); a few
values of x_0 and of the noise with the moments of their laws then give the exact means. With the weight w that the
gradient shows, the loss at every t must be

    w E (target - E[target | x_t])^2     of the first,    w E target^2     of the second,

and the gradient of the first must be zero on average, or learning moves away from the best network. The inputs are of
the size of pictures and of noise here, so that what is clamped, shifted or added is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pedesis.doctor.affine import few
from pedesis.doctor.formulas import TARGET, evaluate
from pedesis.doctor.known import GaussianData
from pedesis.doctor.loss_reading import Trained, constant, train
from pedesis.doctor.report import Finding
from pedesis.doctor.sandbox import Failed
from pedesis.doctor.signatures import Call, WithVariance
from pedesis.process import Chain

DATA = GaussianData(0.2, 0.6)
Z = torch.tensor([-1.0, 1.0], dtype=torch.float64)
NOISE = torch.tensor([-(7.0**0.5), -1.0, 1.0, 7.0**0.5], dtype=torch.float64) / 2
"""x_0 = m + s z and noise of a few values with mean 0 and variance 1: within [-1, 1] the first, beyond the second."""
NEAR = 5e-3
"""How far anything may be off: tables of float32 are off by up to 2e-3 where 1 - alpha_bar is small."""
SPOKEN = {"x0": "x_0", "eps": "eps", "v": "v"}


@dataclass(frozen=True)
class Quadrature:
    """Rows of every z and noise at steps t (M,): what is fed, what is wanted, and the levels.

    Attributes:
        index: the step of every row. inputs: role -> (M * 8, *shape). x_t, target: of one element, (M, 8).
    """

    t: Tensor
    index: Tensor
    inputs: dict[str, Tensor]
    x_t: Tensor
    target: Tensor
    alpha: Tensor
    sigma: Tensor

    def best(self, prediction: str) -> Callable[[Tensor], Tensor]:
        """The network that knows the data."""
        levels = (each.repeat_interleave(len(self.index) // len(self.t)) for each in (self.alpha, self.sigma))
        alpha, sigma = (each.reshape(-1, *[1] * (self.inputs["x0"].ndim - 1)) for each in levels)
        return lambda x: getattr(DATA, prediction)(x, alpha, sigma)


def quadrature(t: Tensor, chain: Chain, shape: Sequence[int], prediction: str) -> Quadrature:
    """What the loss is fed at steps t (M,): every z with every noise."""
    x0, noise = (each.flatten() for each in torch.meshgrid(DATA.mean + DATA.std * Z, NOISE, indexing="ij"))
    bar = chain.alpha_bar[t]
    alpha, sigma = bar.sqrt(), (1 - bar).sqrt()
    target = evaluate(TARGET[prediction], {"alpha_bar": bar[:, None], "x0": x0, "noise": noise})
    inputs = {
        role: each.repeat(len(t)).reshape(-1, *[1] * len(shape)).expand(-1, *shape).clone()
        for role, each in (("x0", x0), ("noise", noise), ("another noise", noise))
    }
    x_t = alpha[:, None] * x0 + sigma[:, None] * noise
    return Quadrature(t, t.repeat_interleave(len(x0)), inputs, x_t, target.expand_as(x_t), alpha, sigma)


def examine_minimum(
    way: Call, base: int, chain: Chain, shape: tuple[int, ...], prediction: str, squared: bool
) -> list[Finding]:
    """Findings about a loss in which nothing was found at small size; a note with the known values.

    Args:
        squared: whether it is a squared error where errors are small.
    """
    t, steps = torch.arange(1, len(chain.beta)), len(chain.beta) - 1

    def train_on(points: Quadrature, answer: Callable[[Tensor], Tensor]) -> Trained:
        return train(way, base, points.index, steps, points.inputs, answer)

    try:
        points = quadrature(t, chain, shape, prediction)
        best, silent, loud = (train_on(points, each) for each in (points.best(prediction), constant(0), constant(1)))
        found = beside("the model is shown", best.asked.x, points.x_t, t)
        known, slope = points.best(prediction)(best.asked.x.double()), loud.gradient - silent.gradient
        squared = squared and torch.allclose(best.gradient - silent.gradient, slope * known, rtol=1e-2, atol=1e-6)
        if not found and squared:
            found = beside("the target is", -silent.gradient / slope, points.target, t)
        found = found or astray(best, silent, t, f"E[{SPOKEN[prediction]} | x_t]", squared)
        if found or not squared:
            return found
        if isinstance(way, WithVariance):
            sentence = "its network answers a variance too; that and the value of the loss are not examined"
            return [Finding("loss", sentence, level="note")]
        places = torch.unique(torch.cat([few(steps), torch.linspace(1, steps, 24).long()]))
        batches = [quadrature(place[None], chain, shape, prediction) for place in places]
        seen = [(one, train_on(one, one.best(prediction)), train_on(one, constant(0))) for one in batches]
        return valued(seen, prediction)
    except Failed as problem:
        return [Finding("loss", f"loss {problem}, with x_0 and noise of full size")]


def beside(what: str, observed: Tensor, wanted: Tensor, t: Tensor) -> list[Finding]:
    """A finding if something is not what it should be at full size, (M * 8, *shape) beside (M, 8)."""
    off = observed.double().reshape(*wanted.shape, -1) - wanted[..., None]
    far = off.abs().amax(2)
    if float(far.max()) <= NEAR:
        return []
    shift = off.mean((1, 2))
    if float((off - shift[:, None, None]).abs().max()) <= NEAR:
        place = int(shift.abs().argmax())
        sentence = f"at t = {int(t[place])} {what} {float(shift[place]):.3g} too much, whatever x_0 and the noise are"
        return [Finding("loss", sentence, t=int(t[place]), got=float(shift[place]), expected=0.0)]
    place, row = divmod(int(far.argmax()), wanted.shape[1])
    element = int(off[place, row].abs().argmax())
    right = float(wanted[place, row])
    got = right + float(off[place, row, element])
    sentence = f"at t = {int(t[place])} {what} {got:.3g} where {right:.3g} belongs; small numbers are right there, so "
    return [Finding("loss", sentence + "large ones are clamped or bent", t=int(t[place]), got=got, expected=right)]


def astray(best: Trained, silent: Trained, t: Tensor, knows: str, squared: bool) -> list[Finding]:
    """A finding if the gradient of the best network is not zero on average, and beside x_t if the error is squared."""
    gradient = best.gradient.double().reshape(len(t), -1)
    floor = 1e-5 * silent.gradient.double().abs().reshape(len(t), -1).sum(1)
    x = best.asked.x.double().reshape(len(t), -1)
    for beside_it in (torch.ones_like(x), x) if squared else (torch.ones_like(x),):
        pull = (gradient * beside_it).sum(1).abs()
        wrong = pull > 2e-2 * (gradient * beside_it).abs().sum(1) + floor
        if bool(wrong.any()):
            place = int(torch.nonzero(wrong)[0])
            sentence = f"at t = {int(t[place])} the gradient of a network that knows {knows} is not zero on average: "
            return [Finding("loss", sentence + "training leads away from the best network", t=int(t[place]))]
    return []


def valued(points: Sequence[tuple[Quadrature, Trained, Trained]], prediction: str) -> list[Finding]:
    """A finding if the best network or the one that answers 0 has another loss than is known; else a note."""
    note = None
    for i, (one, best, silent) in enumerate(points):
        t, levels = int(one.t), (float(one.alpha), float(one.sigma))
        answer = one.best(prediction)(best.asked.x.double())
        slope = float(((best.gradient - silent.gradient) * answer).sum() / answer.square().sum())
        weight = slope * answer.numel() / 2 / best.loss.numel()
        known = [weight * float(f(prediction, *levels)) for f in (DATA.least, DATA.silent)]
        names = (f"knows E[{SPOKEN[prediction]} | x_t]", "answers 0")
        for name, trained, expected in zip(names, (best, silent), known, strict=True):
            got = float(trained.loss.mean())
            if abs(got - expected) > NEAR * expected + 1e-6 * known[1]:
                sentence = (
                    f"a network that {name} has a loss of {got:.4g} at t = {t}; by its gradient it should be "
                    f"{expected:.4g}: something else is added to the squared error"
                )
                return [Finding("loss", sentence, t=t, got=got, expected=expected)]
        if i == len(points) // 2:
            sentence = (
                f"on data of mean {DATA.mean:g} and standard deviation {DATA.std:g} a network that {names[0]} has a "
                f"loss of {known[0]:.3g} at t = {t}, one that {names[1]} of {known[1]:.3g}, as they should"
            )
            note = Finding("loss", sentence, level="note")
    return [note] if note else []
