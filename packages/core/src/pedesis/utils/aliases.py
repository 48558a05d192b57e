"""The field's words for what has another name here: those of papers, diffusers, k-diffusion and web interfaces.

    NAMES     exact synonyms, by kind of thing: they are found
    HINTS     what has no exact counterpart: a sentence says what comes nearest

Spelling does not matter: "DPM-Solver++", "dpm_solver++" and "DPMSolver++" are one word (`squashed`).
"""

from __future__ import annotations

import re

NAMES: dict[str, dict[str, tuple[str, ...]]] = {
    "sampler": {
        "ddim": ("euler", "k-euler", "euler-discrete", "dpm-solver-1"),
        "ddpm": ("ancestral", "euler-a", "euler-ancestral", "euler-ancestral-discrete"),
        "heun": ("heun2", "k-heun", "heun-discrete"),
        "dpm++2m": ("dpm-solver++", "dpm-solver++2m", "dpm-solver-multistep", "dpm++", "dpmpp-2m", "k-dpmpp-2m"),
        "dpm++3m": ("dpm-solver++3m", "dpmpp-3m"),
        "dpm++2m-sde": ("sde-dpm-solver++", "sde-dpm-solver++2m", "dpmpp-2m-sde", "k-dpmpp-2m-sde"),
        "unipc": ("unipc-multistep",),
        "pc": ("predictor-corrector",),
        "langevin": ("annealed-langevin", "ald"),
        "euler-maruyama": ("reverse-sde", "em"),
        "adaptive": ("bogacki-shampine", "bosh3", "rk23"),
    },
    "parameterization": {
        "x0": ("sample", "x-start", "start-x", "pred-x0", "x0-prediction", "x-prediction", "data"),
        "eps": ("epsilon", "noise", "pred-noise", "eps-prediction", "epsilon-prediction"),
        "v": ("v-prediction", "pred-v"),
        "flow": ("flow-prediction", "flow-matching", "rectified-flow"),
    },
    "schedule": {
        "vp": ("vp-sde",),
        "linear": ("linear-beta", "ddpm"),
        "flow": ("rectified-flow", "flow-matching"),
        "edm": ("karras",),
    },
    "time grid": {
        "uniform": ("linear", "linspace", "trailing"),
        "log-snr": ("exponential", "log-linear", "lambda"),
        "rho": ("karras", "edm"),
    },
    "frame": {
        "vp": ("variance-preserving",),
        "ve": ("variance-exploding",),
        "flow": ("rectified-flow", "flow-matching"),
    },
    "variance rule": {"posterior": ("fixed-small", "beta-tilde"), "beta": ("fixed-large",)},
    "loss weight": {
        "simple": ("l-simple", "eps", "epsilon", "uniform"),
        "v": ("v-prediction",),
        "min-snr": ("min-snr-gamma", "min-snr-5"),
        "variational": ("vlb", "elbo", "nll", "likelihood"),
    },
    "setting": {
        "condition": ("prompt", "prompts", "label", "labels", "class", "class-label", "class-labels", "y"),
        "seeds": ("seed",),
        "guidance": ("guidance-scale", "cfg", "cfg-scale", "scale", "gamma", "unconditional-guidance-scale"),
        "steps": ("num-inference-steps", "inference-steps", "num-steps", "n-steps", "sampling-steps", "ddim-steps"),
        "sampler": ("scheduler", "solver", "sampler-name"),
        "grid": ("timestep-spacing", "time-grid", "times"),
        "interval": ("guidance-interval",),
        "negative": ("negative-prompt", "negative-prompts"),
        "rescale": ("guidance-rescale", "cfg-rescale"),
    },
}
"""Kind of thing -> name here -> other words for exactly that."""

HINTS: dict[str, dict[str, str]] = {
    "sampler": {
        "edm": "the sampler of Karras et al. 2022 is 'heun'; its time grid is 'rho'",
        "ode": "the probability-flow ODE is solved by 'ddim', 'heun', 'dpm++2m' or 'adaptive'",
        "sde": "the reverse SDE is solved by 'ddpm', 'dpm++2m-sde' or 'euler-maruyama'",
        "rk45": "an adaptive Runge-Kutta method is 'adaptive', of orders 3 and 2",
        "dopri5": "an adaptive Runge-Kutta method is 'adaptive', of orders 3 and 2",
        "dpm": "did you mean 'dpm++2m' (a solver) or 'ddpm' (ancestral sampling)?",
        "dpm-solver": "the solver that predicts x0, DPM-Solver++, is 'dpm++2m'",
        "dpm2": "of second order are 'heun' and 'dpm++2m'",
        "dpm++2s": "of second order are 'heun' and 'dpm++2m'",
        "dpmpp-2s-a": "of second order with noise is 'dpm++2m-sde'",
        "dpm++sde": "of second order with noise is 'dpm++2m-sde'",
        "dpmpp-sde": "of second order with noise is 'dpm++2m-sde'",
        "dpm++3m-sde": "of second order with noise is 'dpm++2m-sde'",
        "dpm++2m-karras": "the sampler is 'dpm++2m'; the time grid is 'rho'",
        "plms": "a multistep method is 'dpm++2m'",
        "pndm": "a multistep method is 'dpm++2m'",
        "lms": "a multistep method is 'dpm++2m'",
        "deis": "a multistep method is 'dpm++2m'",
        "lcm": "few steps need a distilled model, such as 'heroes-student'",
        "flow-match-euler": "Euler's method is 'ddim', for models with straight paths too",
        "flow-match-euler-discrete": "Euler's method is 'ddim', for models with straight paths too",
    },
    "parameterization": {
        "velocity": "'v' is alpha eps - sigma x0, 'flow' is eps - x0",
        "karras": "the preconditioning of EDM is not here; 'v' does nearly the same",
        "edm": "the preconditioning of EDM is not here; 'v' does nearly the same",
    },
    "schedule": {
        "squaredcos-cap-v2": "its formula is 'cosine'; exactly its table of betas is {'name': 'betas', 'betas': ...}",
        "scaled-linear": "give its table of betas: {'name': 'betas', 'betas': ...}",
    },
    "time grid": {"leading": "'uniform' begins at t = 1; 'leading' begins below, where no prior is"},
    "variance rule": {
        "analytic": "'optimal', of a denoiser that knows Var[x0 | x_t], such as AnalyticVariance",
        "learned": "'optimal', of a denoiser that knows Var[x0 | x_t], such as a network with two heads",
        "learned-range": "'optimal', of a denoiser that knows Var[x0 | x_t], such as a network with two heads",
    },
    "setting": {
        "generator": "seeds: one whole number per picture",
        "num-images-per-prompt": "seeds: there are as many pictures as seeds",
        "num-images": "seeds: there are as many pictures as seeds",
        "batch-size": "seeds: there are as many pictures as seeds",
        "number": "seeds: there are as many pictures as seeds",
        "n": "seeds: there are as many pictures as seeds",
        "count": "seeds: there are as many pictures as seeds",
        "eta": "it belongs to the sampler: sampler={'name': 'ddim', 'eta': 1.0}",
        "w": "guidance is 1 + w of Ho and Salimans",
        "device": "it belongs to the model: load(name, device=...)",
        "height": "a model draws pictures of one size, its `shape`",
        "width": "a model draws pictures of one size, its `shape`",
        "guidance-rule": "a rule of your own is around=",
        "strength": "it belongs to pedesis_zoo.generation.editing.vary",
        "mask": "it belongs to pedesis_zoo.generation.editing.inpaint",
    },
}
"""Kind of thing -> word -> the sentence that is said."""


def squashed(word: str) -> str:
    """A word without what spellings differ in: capitals, hyphens, underscores, spaces, diffusers' "Scheduler"."""
    bare = re.sub(r"[^a-z0-9+]", "", word.lower())
    return bare.removesuffix("scheduler") or bare


def name_of(kind: str, word: str) -> str | None:
    """The name here of one of the field's words, if it has one."""
    return _NAMES.get(kind, {}).get(squashed(word))


def hint_for(kind: str, word: str) -> str | None:
    """What there is to say about a word that has no counterpart here."""
    return _HINTS.get(kind, {}).get(squashed(word))


def words_for(kind: str) -> dict[str, str]:
    """All words of a kind, squashed, and their names here."""
    return _NAMES.get(kind, {})


_NAMES = {
    kind: {squashed(word): name for name, words in table.items() for word in words} for kind, table in NAMES.items()
}
_HINTS = {kind: {squashed(word): hint for word, hint in table.items()} for kind, table in HINTS.items()}
