"""Mistakes in a formula: one symbol written as another expression."""

from __future__ import annotations

from pedesis.doctor.catalogue.entry import Entry
from pedesis.doctor.formulas import EPS_FROM, POSTERIOR, TARGET, X0_FROM

FORWARD = ("q_sample", "loss")
REVERSE = ("step", "sample")
POSTERIORS = ("posterior", *REVERSE)


ROOTS = (("sqrt(1 - alpha_bar)", "(1 - alpha_bar)"), ("sqrt(alpha_bar)", "alpha_bar"))


FORMULA_ENTRIES = (
    Entry(
        "missing-root-of-noise",
        FORWARD,
        "grain, dull pictures; the network never sees the noise level that it is asked about",
        "the noise is multiplied by its variance 1 - alpha_bar, not by the standard deviation, its root",
        "Ryota-Kawamura/How-Diffusion-Models-Work #1; labmlai/annotated_deep_learning_paper_implementations #152",
        ({"std": "1 - alpha_bar"},),
    ),
    Entry(
        "missing-root-of-signal",
        FORWARD,
        "the picture fades too early; samples lack contrast",
        "x_0 is multiplied by alpha_bar, not by its root",
        "of the kind of missing-root-of-noise",
        ({"x0_factor": "alpha_bar"},),
    ),
    Entry(
        "alpha-for-alpha-bar",
        FORWARD,
        "the loss is nearly 1 at every t: the picture is hardly ever hidden",
        "the factor of one step, alpha, is used where the product over all steps, alpha_bar, belongs",
        "the notation of the papers: alpha_t is the product in DDIM and in Bishop's book, one factor in DDPM",
        ({"alpha_bar": "alpha"},),
    ),
    Entry(
        "signal-and-noise-swapped",
        FORWARD,
        "the loss is high at small t and low at large t; samples are noise",
        "the factors of x_0 and of the noise have changed places",
        "of the kind of time-reversed",
        ({"x0_factor": "sqrt(1 - alpha_bar)", "std": "sqrt(alpha_bar)"},),
    ),
    Entry(
        "t-off-by-one",
        (*FORWARD, *POSTERIORS),
        "faint noise is left in the pictures; final moments look right to 2 %",
        "the tables are read at a neighboring step",
        "CompVis/stable-diffusion PR #533; keras-team zea PR #601",
        ({"t": "t - 1", "s": "s - 1"}, {"t": "t + 1", "s": "s + 1"}),
    ),
    Entry(
        "time-reversed",
        (*FORWARD, *POSTERIORS),
        "poor samples: the loudest step comes where the quietest belongs",
        "time runs backwards: the tables are read from the other end",
        "nathan-barry/tiny-diffusion #2",
        ({"t": "T + 1 - t", "s": "T - 1 - s"},),
    ),
    Entry(
        "alpha-bar-for-alpha",
        POSTERIORS,
        "NaN, or white pictures",
        "alpha_bar, the product of all steps, stands where alpha of this one step belongs",
        "the notebook that the lecture notes link to; their own formula (docs/errata.md, E4)",
        (
            {"mean_scale": "1 / sqrt(alpha_bar)"},
            {"x_t_weight": "sqrt(alpha_bar) * (1 - alpha_bar_prev) / (1 - alpha_bar)"},
        ),
    ),
    Entry(
        "missing-root-in-mean",
        REVERSE,
        "flat, blurred pictures of too little contrast",
        "eps is multiplied by beta / (1 - alpha_bar), without the root",
        "of the kind of missing-root-of-noise",
        ({"eps_factor": "beta / (1 - alpha_bar)"},),
    ),
    Entry(
        "sign-of-eps",
        REVERSE,
        "the samples explode",
        "the predicted noise is added, not taken away",
        "of the kind of prediction-mixed-up",
        ({"eps_factor": "-beta / sqrt(1 - alpha_bar)"},),
        (("x0", "(x_t - sqrt(1 - alpha_bar) * prediction)", "(x_t + sqrt(1 - alpha_bar) * prediction)"),),
    ),
    Entry(
        "mean-not-scaled",
        REVERSE,
        "dark pictures of low contrast",
        "the mean is not divided by sqrt(alpha)",
        "of the kind of alpha-bar-for-alpha",
        ({"mean_scale": "1"},),
    ),
    Entry(
        "alpha-bar-prev-shifted",
        POSTERIORS,
        "faint noise; final moments look right to 2 %",
        "alpha_bar_prev is not that of the step before",
        "lucidrains/denoising-diffusion-pytorch #18, PR #83; lllyasviel/ControlNet PR #587",
        ({"alpha_bar_prev": "alpha_bars[t]"}, {"alpha_bar_prev": "alpha_bars[s - 1]"}),
    ),
    Entry(
        "last-step-not-clean",
        POSTERIORS,
        "faint noise is left in the pictures",
        "the last step ends at the first noise level, not at clean data, where alpha_bar is 1",
        "lllyasviel/ControlNet PR #587; rohitg00/ai-engineering-from-scratch PR #43",
        ({"alpha_bar_prev": "where(s > 0, alpha_bars[s], alpha_bars[t])"},),
    ),
    Entry(
        "missing-root-in-posterior",
        POSTERIORS,
        "washed out or too contrasted pictures",
        "a root is missing at the alpha or alpha_bar_prev in a weight of the mean",
        "of the kind of missing-root-of-noise",
        (
            {"x0_weight": "alpha_bar_prev * beta / (1 - alpha_bar)"},
            {"x_t_weight": "alpha * (1 - alpha_bar_prev) / (1 - alpha_bar)"},
            {"x0_factor": "alpha_bar_prev"},
        ),
    ),
    Entry(
        "posterior-weights-swapped",
        POSTERIORS,
        "noise: the walk does not move",
        "the weights of x_0 and x_t have changed places",
        "of the kind of signal-and-noise-swapped",
        ({"x0_weight": POSTERIOR.lines["x_t_weight"], "x_t_weight": POSTERIOR.lines["x0_weight"]},),
    ),
    Entry(
        "wrong-posterior-variance",
        ("posterior", *REVERSE),
        "too much or too little spread; in few steps it may even look better than right code",
        "the variance of the posterior is another expression than beta_tilde",
        "tqch/ddpm-torch #9; jsboige/CoursIA PR #16158",
        (
            {"posterior_variance": "beta"},
            {"posterior_variance": "sqrt(beta * (1 - alpha_bar_prev) / (1 - alpha_bar))"},
            {"posterior_variance": "beta * (1 - alpha_bar) / (1 - alpha_bar_prev)"},
            {"step_variance": "beta * (1 - alpha_bar) / (1 - alpha_bar_prev)"},
            {"eta_variance": "eta**2 * beta"},
            {"eta_variance": "eta**2 * beta * (1 - alpha_bar) / (1 - alpha_bar_prev)"},
        ),
    ),
    Entry(
        "log-variance-for-variance",
        ("posterior", *REVERSE),
        "NaN, or samples that explode",
        "the logarithm of the variance is used as if it were the variance",
        "of the kind of noise-without-root; huggingface/diffusers #14569 (NaN)",
        ({"noise_factor": "log(step_variance)"},),
    ),
    Entry(
        "noise-without-root",
        REVERSE,
        "all samples look alike; their spread is far too small",
        "the noise is multiplied by the variance (beta, or exp(log_variance)), not by the standard deviation, its root",
        "acids-ircam/diffusion_models #1; huggingface/diffusion-models-class #63",
        (
            {"noise_factor": "step_variance"},
            {"noise_factor": "eta_variance"},
        ),
    ),
    Entry(
        "noise-at-the-last-step",
        REVERSE,
        "faint noise is left in the pictures",
        "noise is added in the last step, whose result is the picture itself",
        "Ho et al. 2020, algorithm 2: z = 0 at t = 1",
        (
            {"unless_last": "s >= 0"},
            {
                "step_variance": "where(s > 0, beta * (1 - alpha_bar_prev) / (1 - alpha_bar), "
                "(1 - alpha_bars[s + 2] / alpha_bars[s + 1]) * (1 - alpha_bars[s + 1]) / (1 - alpha_bars[s + 2]))",
                "unless_last": "s >= 0",
            },  # the variance of the last step, 0, is often replaced by that of the step before
        ),
    ),
    Entry(
        "noise-forgotten",
        REVERSE,
        "blurred pictures, all alike",
        "no noise is added; without it the DDPM mean is no sampler (DDIM has another mean)",
        "Ho et al. 2020, algorithm 2",
        ({"unless_last": "s < 0"},),
    ),
    Entry(
        "missing-root-of-direction",
        REVERSE,
        "DDIM pictures are flat, without detail",
        "eps is multiplied by the variance that is left, not by its root",
        "of the kind of missing-root-of-noise",
        ({"direction": "1 - alpha_bar_prev - eta_variance"},),
    ),
    Entry(
        "eta-variance-not-subtracted",
        REVERSE,
        "with eta > 0 the pictures are grainy",
        "the fresh noise is added on top of the old: eta_variance is not taken from what eps gets",
        "Song, Meng, Ermon 2021, equation 12",
        ({"direction": "sqrt(1 - alpha_bar_prev)"},),
    ),
    Entry(
        "missing-root-in-prediction",
        REVERSE,
        "saturated or washed out pictures",
        "a root is missing where x_0 or eps is computed from the prediction",
        "of the kind of missing-root-of-noise",
        rewrites=tuple((symbol, *root) for symbol in ("x0", "eps") for root in ROOTS),
    ),
    Entry(
        "prediction-mixed-up",
        (*REVERSE, "loss"),
        "saturated pictures; noise although the loss fell",
        "what the network predicts (eps, x0 or v) is read as another of the three",
        "rinongal/textual_inversion #135; TheLastBen/fast-stable-diffusion #815",
        (
            *({"x0": X0_FROM[other], "eps": EPS_FROM[other]} for other in X0_FROM),
            *({"target": line} for line in TARGET.values()),
        ),
    ),
    Entry(
        "sign-of-v",
        (*REVERSE, "loss"),
        "noise although the loss fell",
        "v has the wrong sign: it is sqrt(alpha_bar) noise - sqrt(1 - alpha_bar) x0",
        "Salimans and Ho 2022; of the kind of prediction-mixed-up",
        rewrites=(
            (
                "x0",
                "sqrt(alpha_bar) * x_t - sqrt(1 - alpha_bar) * prediction",
                "sqrt(alpha_bar) * x_t + sqrt(1 - alpha_bar) * prediction",
            ),
            (
                "eps",
                "sqrt(alpha_bar) * prediction + sqrt(1 - alpha_bar) * x_t",
                "sqrt(1 - alpha_bar) * x_t - sqrt(alpha_bar) * prediction",
            ),
            (
                "target",
                "sqrt(alpha_bar) * noise - sqrt(1 - alpha_bar) * x0",
                "sqrt(1 - alpha_bar) * x0 - sqrt(alpha_bar) * noise",
            ),
        ),
    ),
    Entry(
        "guidance-halves-swapped",
        ("guidance",),
        "the prompt repels: scale 1 is unconditional, larger ones lead away",
        "the conditional and the unconditional half have changed places",
        "threestudio-project/threestudio #127, PR #530",
        ({"guided": "conditional + scale * (unconditional - conditional)"},),
    ),
    Entry(
        "guidance-sign",
        ("guidance",),
        "pictures show anything but what was asked for",
        "the difference has the wrong sign",
        "labmlai/annotated_deep_learning_paper_implementations #177",
        (
            {"guided": "unconditional - scale * (conditional - unconditional)"},
            {"guided": "unconditional + scale * (unconditional - conditional)"},
        ),
    ),
    Entry(
        "guidance-not-a-mixture",
        ("guidance",),
        "over-saturated pictures",
        "the weights of the two halves do not sum to 1",
        "TeaPearce/Conditional_Diffusion_MNIST PR #2",
        (
            {"guided": "unconditional + scale * conditional"},
            {"guided": "(1 + scale) * conditional + scale * unconditional"},
            {"guided": "scale * (conditional - unconditional)"},
        ),
    ),
    Entry(
        "guidance-other-convention",
        ("guidance",),
        "pictures are guided one more than the scale says; scale 0 is not unconditional",
        "the scale is w = scale - 1 of Ho and Salimans: scale 1 does not give the conditional prediction",
        "threestudio-project/threestudio #127; ashawkey/stable-dreamfusion #370",
        ({"guided": "(1 + scale) * conditional - scale * unconditional"},),
        level="warning",
    ),
)
