"""`examine`: everything that is given is examined; what was learned from one function serves the next."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from pedesis.doctor import guidance as guidance_room
from pedesis.doctor import loss as loss_room
from pedesis.doctor import posterior as posterior_room
from pedesis.doctor import q_sample as q_sample_room
from pedesis.doctor import sample as sample_room
from pedesis.doctor import sigma as sigma_room
from pedesis.doctor import step as step_room
from pedesis.doctor.affine import Examined, behavior
from pedesis.doctor.data import examine_data
from pedesis.doctor.ema import examine_ema
from pedesis.doctor.formulas import X0_FROM, SigmaChain
from pedesis.doctor.model import examine_model
from pedesis.doctor.report import Finding, Report
from pedesis.doctor.sandbox import isolated
from pedesis.doctor.schedule import examine_schedule
from pedesis.doctor.signatures import CLOCKS, Call, Clock, Question, calls, declared
from pedesis.process import Chain
from pedesis.utils.registry import UnknownName

Function = Callable[..., Any]


def examine(
    *,
    betas: Any = None,
    alphas_cumprod: Any = None,
    sigmas: Any = None,
    q_sample: Function | None = None,
    posterior: Function | None = None,
    step: Function | None = None,
    sample: Function | None = None,
    loss: Function | None = None,
    guidance: Function | None = None,
    model: Any = None,
    data: Any = None,
    ema: Any = None,
    prediction: str = "eps",
    shape: Sequence[int] = (3, 8, 8),
    t_from: int | None = None,
    arguments: Mapping[str, Sequence[str]] | None = None,
) -> Report:
    """Examine other people's diffusion code, as they wrote it; whatever is given is examined.

    Args:
        betas, alphas_cumprod: the noise schedule, one number per step (an entry for clean data may come first).
        sigmas: in their place, the noise levels of code like k-diffusion's, x_t = x_0 + sigma noise, in either order,
            with or without a 0; t is then sigma or its position, and "x0" is the denoised picture. Loss and posterior
            are not examined there.
        q_sample: (x0, t[, noise]) -> x_t. posterior: (x0, x_t, t) -> mean, variance (or its logarithm).
        step: (prediction or model, x_t, t[, noise]) -> x_(t-1).
        guidance: (conditional, unconditional, scale) -> guided.
        sample: (model, shape) -> x_0, a whole loop. loss: (model, x0[, t, noise, labels]) -> number, with a gradient.
        prediction: what the network is asked for: "eps", "x0" or "v".
        model: the network, a torch.nn.Module (a copy is asked). data: a batch, or (batch, labels).
        ema: the averaged network, an object with an update, or a function (average, weights) -> average.
        shape: of one example, without the batch.
        t_from: the number that the code gives to its first step, 0 or 1; found out if it is None.
        arguments: for a function whose argument names say nothing, its roles in order, as
            `{"step": ("x_t", "t", "prediction")}`.

    Returns:
        The report. Whatever is wrong with the code is a finding in it, exceptions of the code included.

    Raises:
        ValueError: an argument of `examine` itself that makes no sense.
    """
    if prediction not in X0_FROM:
        raise UnknownName("prediction", prediction, X0_FROM)
    if t_from not in (None, 0, 1):
        raise ValueError(f"t_from is the number of the first step, 0 or 1; got {t_from!r}")
    if sigmas is not None and (betas is not None or alphas_cumprod is not None):
        raise ValueError("give the noise levels once: sigmas=, or betas= and alphas_cumprod=")
    if sigmas is not None and prediction not in sigma_room.X0_FROM:
        raise ValueError(f'with sigmas a network predicts "x0", the denoised picture, or "eps"; got {prediction!r}')
    given = {
        "q_sample": q_sample,
        "posterior": posterior,
        "step": step,
        "sample": sample,
        "loss": loss,
        "guidance": guidance,
    }
    visit = Visit(dict(arguments or {}), tuple(shape), prediction, t_from)
    if betas is not None or alphas_cumprod is not None:
        visit.schedule(betas, alphas_cumprod)
    if sigmas is not None:
        visit.levels(sigmas)
    visit.given = {name for name, function in given.items() if function is not None}
    with isolated():
        for name, function in given.items():
            if function is not None:
                visit.function(name, function)
        visit.times()
        visit.surroundings(model, data, ema)
    return Report.of(visit.examined, visit.entries)


class Visit:
    """One examination: what is known so far, and what was found."""

    def __init__(self, arguments: dict[str, Sequence[str]], shape: tuple[int, ...], prediction: str, base: int | None):
        self.arguments, self.shape, self.prediction, self.base = arguments, shape, prediction, base
        self.chain: Chain | None = None
        self.positions: Tensor | None = None
        self.shares = False
        self.given: set[str] = set()
        self.told: dict[str, tuple[Tensor, Tensor] | None] = {}
        self.examined: list[str] = []
        self.entries: list[Finding] = []

    def schedule(self, betas: Any, alphas_cumprod: Any) -> None:
        """Learn the chain."""
        self.examined.append("schedule")
        try:
            self.chain, found, base = examine_schedule(betas, alphas_cumprod)
        except Question as question:
            self.entries.append(Finding("schedule", str(question), level="question"))
            return
        self.base = base if self.base is None else self.base
        self.entries += found
        if self.chain is not None and float(self.chain.alpha_bar[-1]) == 0 and self.prediction == "eps":
            sentence = "at zero terminal SNR eps says nothing about x_0 (x_T is eps); let the network predict v or x0"
            self.entries.append(Finding("schedule", sentence, t=len(self.chain.beta) - 1))
            self.chain = None

    def levels(self, sigmas: Any) -> None:
        """Learn the chain from sigmas."""
        self.examined.append("schedule")
        try:
            self.chain, found, self.positions = sigma_room.examine_sigmas(sigmas)
        except Question as question:
            found = [Finding("schedule", str(question), level="question")]
        self.entries += found

    def function(self, name: str, function: Function) -> None:
        """Examine one function, or say why not."""
        self.examined.append(name)
        if self.chain is None and name != "guidance":
            if "schedule" not in self.examined:
                sentence = f"{name} is held against a noise schedule; give betas=, alphas_cumprod= or sigmas= as well"
                self.entries.append(Finding(name, sentence, level="question"))
            return
        if self.positions is not None and name in ("posterior", "loss"):
            sentence = f"{name} is examined with betas= or alphas_cumprod=, not with sigmas="
            self.entries.append(Finding(name, sentence, level="question"))
            return
        try:
            examined = getattr(self, f"_{name}")(function)
        except Question as question:
            self.entries.append(Finding(name, str(question), level="question"))
            return
        self.entries += examined.entries
        self.told[name] = examined.told
        if examined.probe is not None and self.base is None and examined.explanation is not None and name != "guidance":
            clear = not examined.explanation.unexplained and "share" not in examined.probe.clock.kind
            self.base = examined.probe.clock.base if clear else None

    def times(self) -> None:
        """A finding if the model is told otherwise in training than in sampling."""
        trained = self.told.get("loss")
        if trained is None or any(finding.entry == "model-told-another-t" for finding in self.entries):
            return
        known = dict(zip(trained[0].tolist(), trained[1].tolist(), strict=True))
        for name in ("step", "sample"):
            steps, times = self.told.get(name) or (trained[0][:0], trained[1][:0])
            pairs = [(t, known[t], time) for t, time in zip(steps.tolist(), times.tolist(), strict=True) if t in known]
            apart = [pair for pair in pairs if abs(pair[1] - pair[2]) > 1e-3 * max(1e-3, abs(pair[1]))]
            if 2 * len(apart) > len(pairs):
                t, one, other = apart[len(apart) // 2]
                sentence = f"at step {t} of {len(known)} the model is told {one:g} in training and {other:g} in {name}"
                self.entries.append(behavior("loss", "model-told-another-t", sentence))
                return

    def surroundings(self, model: Any, data: Any, ema: Any) -> None:
        """Examine what is around the functions."""
        steps = 1000 if self.chain is None else len(self.chain.beta) - 1
        visits: dict[str, tuple[Any, Callable[[], list[Finding]]]] = {
            "model": (model, lambda: examine_model(model, self.shape, steps, self.base or 0, self.shares)),
            "data": (data, lambda: examine_data(data)),
            "ema": (ema, lambda: examine_ema(ema, model)),
        }
        for name, (thing, look) in visits.items():
            if thing is not None:
                self.examined.append(name)
                try:
                    self.entries += look()
                except Question as question:
                    self.entries.append(Finding(name, str(question), level="question"))

    def ways(self, name: str, function: Function, wanted: Sequence[str], optional: Sequence[str] = ()) -> list[Call]:
        """How a function may be called."""
        if name in self.arguments:
            return [declared(function, self.arguments[name])]
        return calls(name, function, wanted, optional)

    @property
    def clocks(self) -> list[Clock]:
        """Meanings of t that are still possible."""
        if isinstance(self.chain, SigmaChain) and self.positions is not None:
            return sigma_room.sigma_clocks(self.chain, self.positions)
        return [clock for clock in CLOCKS if self.base is None or "share" in clock.kind or clock.base == self.base]

    def _q_sample(self, function: Function) -> Examined:
        assert self.chain is not None
        ways = self.ways("q_sample", function, q_sample_room.WANTED, q_sample_room.OPTIONAL)
        return q_sample_room.examine_q_sample(ways, self.clocks, self.chain, self.shape)

    def _posterior(self, function: Function) -> Examined:
        assert self.chain is not None
        ways = self.ways("posterior", function, posterior_room.WANTED)
        return posterior_room.examine_posterior(ways, self.clocks, self.chain, self.shape)

    def _step(self, function: Function) -> Examined:
        assert self.chain is not None
        ways: list[Call] = []
        questions = []
        for wanted in (step_room.WITH_MODEL, step_room.WITH_PREDICTION):
            try:
                ways += self.ways("step", function, wanted, step_room.OPTIONAL)
            except Question as question:
                questions.append(question)
        if not ways:
            raise questions[0]
        return step_room.examine_step(ways, self.clocks, self.chain, self.shape, self.prediction)

    def _sample(self, function: Function) -> Examined:
        assert self.chain is not None
        ways = self.ways("sample", function, sample_room.WANTED, sample_room.OPTIONAL)
        return sample_room.examine_sample(ways, self.base, self.chain, self.shape, self.prediction)

    def _loss(self, function: Function) -> Examined:
        assert self.chain is not None
        ways = self.ways("loss", function, loss_room.WANTED, loss_room.OPTIONAL)
        bases = (0, 1) if self.base is None else (self.base,)
        guided = "guidance" in self.given
        return loss_room.examine_loss(ways, bases, self.chain, self.shape, self.prediction, guided)

    def _guidance(self, function: Function) -> Examined:
        ways = self.ways("guidance", function, guidance_room.WANTED)
        try:
            names = list(inspect.signature(function).parameters)
        except (TypeError, ValueError):
            names = []
        return guidance_room.examine_guidance(ways, self.shape, w=any(f"_{name}".endswith("_w") for name in names))
