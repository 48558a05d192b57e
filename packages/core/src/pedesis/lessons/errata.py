r"""Errata of the five lecture notes: what they print, what is right, and why.

`docs/errata.md` is written from this list (`make formulas`), and the explorer shows it. Texts are Markdown with
LaTeX; `\mid` and `\Vert` stand for bars, which a table would take for its own. Notation: beta_t, per step
a_t = 1 - beta_t, their running product \bar a_t, and \tilde\beta_t the variance of q(x_{t-1} | x_t, x_0).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Erratum:
    """One error of the notes: number, document and place, what stands there, what should, and why."""

    id: str
    where: str
    printed: str
    correct: str
    why: str


def erratum(name: str) -> Erratum:
    """An erratum by its number, such as "E4". Raises ValueError if there is none."""
    for known in ERRATA:
        if known.id == name:
            return known
    raise ValueError(f"no erratum is called {name!r}; there are E0 to E{len(ERRATA) - 1}")


ERRATA = (
    Erratum(
        "E0",
        "all",
        r"$\alpha_t$ is cumulative in 000, 002 and 004, and per step in 001 and 003",
        "one symbol for each: see `docs/notation.md`",
        r"one symbol, two meanings; likewise $\epsilon_t$ in 000; $\sigma_t$ of 000 is $\sigma_{t-1}$ of 002",
    ),
    Erratum(
        "E1",
        "001, classifier-free guidance",
        r"$\nabla\log p(y\mid x_t) = \nabla\log p(x_t) - \nabla\log p(x_t\mid y)$",
        r"$\nabla\log p(y\mid x_t) = \nabla\log p(x_t\mid y) - \nabla\log p(x_t)$",
        r"a sign; the result line $\gamma s_c + (1-\gamma) s_u$ is right",
    ),
    Erratum(
        "E2",
        "001, interpretation II",
        r"$q(x_t\mid x_0) = \mathcal N(\sqrt{a_t}x_0,\ (1-\bar a_t) I)$",
        r"$\mathcal N(\sqrt{\bar a_t}x_0,\ (1-\bar a_t) I)$",
        "the bar is missing in the mean",
    ),
    Erratum(
        "E3",
        "003 (12)",
        r"$KL_T - \mathbb E[-\log p(x_0\mid x_1)]] + \sum KL$",
        r"$KL_T - \mathbb E[\log p(x_0\mid x_1)] + \sum\mathbb E[KL]$",
        "a double negative, a stray bracket, and the outer expectation is missing",
    ),
    Erratum(
        "E4",
        "003, mean of the reverse step; the linked notebook",
        r"prefactor $1/\sqrt{\bar a_t}$",
        r"prefactor $1/\sqrt{a_t}$",
        r"too large by $\sqrt{a_t/\bar a_t}$: 155.8 times at $t = 1000$",
    ),
    Erratum(
        "E5",
        "003 (17)",
        r"$\beta_t / \big(2\bar a_t(1-\bar a_t)s^2\big)$",
        r"$\beta_t^2 / \big(2 s^2 a_t(1-\bar a_t)\big)$",
        "a square is missing and a bar too many: 1.2 million times too large at $t = 1000$",
    ),
    Erratum(
        "E6",
        "003 (13), (14)",
        r"$\sqrt{1-\sqrt{\beta_{t-1}}}$ and $(\ldots)^2 + \sqrt{\beta_t}$",
        r"$\sqrt{1-\beta_{t-1}}$ and $(1-\beta_t)\beta_{t-1} + \beta_t$",
        "betas are variances, not standard deviations",
    ),
    Erratum(
        "E7",
        "001, interpretation III",
        r"$x_0 = \big(x_t + (1-\bar a_t)\nabla\log p(x_t)\big)/\sqrt{\bar a_t}$",
        r"that is $\mathbb E[x_0\mid x_t]$; $x_0$ itself needs the conditional score",
        'denoising score matching: the argmin survives, the value does not ("Tweede" is Tweedie)',
    ),
    Erratum(
        "E8",
        "004, expansion",
        r"$\sum KL(q(x_t\mid x_{t-1})\Vert p(x_t\mid x_{t-1})) - \log p(x_0\mid x_1)$",
        "the three terms of `elbo`",
        r"$p_\theta$ has no forward conditional; $t = 1$ is counted twice; the prior term is lost",
    ),
    Erratum(
        "E9",
        "003, decoder",
        r"limits $\delta_- x_0^i$, mean $\mu(x_1, I)$",
        r"$\delta_-(x_0^i)$, a function, and mean $\mu_\theta^i(x_1, 1)$",
        r"the outer bins reach to infinity: $\delta_+(1) = \infty$, $\delta_-(-1) = -\infty$",
    ),
    Erratum(
        "E10",
        "003, final objective",
        r"sum over $t \ge 2$",
        r"$\mathbb E$ over $1\le t\le T$, $t = 1$ included",
        "$t = 1$ is the reconstruction term, with the integral over a bin taken as density times width",
    ),
    Erratum(
        "E11",
        "002, rescaling",
        r"$p'' = p(\Delta x/\delta)^2$",
        r"$p'' = p(\delta/\Delta x)^2$",
        "needed for the line that follows",
    ),
    Erratum(
        "E12",
        "002, diffusivity",
        r"$\delta^2\tilde D/(2\tau)$",
        r"$\delta^2\tilde D/\tau$ with $p = q = \tilde D$",
        r"then $\tilde D = 1/2$ gives Einstein's $\delta^2/2\tau$",
    ),
    Erratum(
        "E13",
        "002, inverse Fourier transform",
        "no prefactor",
        r"$1/(2\pi)$",
        "the pair must be inverse to each other",
    ),
    Erratum(
        "E14",
        "002, Fokker-Planck and Ornstein-Uhlenbeck",
        r"$B = \sigma^2$ with $dx = -g xdt + sdW$",
        r"$B = \sigma^2/2$",
        "the variance at rest is 0.5, not 1, for $g = s = 1$",
    ),
    Erratum(
        "E15",
        "002, log posterior",
        r"$\log q\propto[\ldots]$",
        r"$\log q = -\tfrac12[\ldots] + \text{const}$",
        r"the factor $-\tfrac12$",
    ),
    Erratum(
        "E16",
        "002, second line of the completed square",
        r"$+z^T z/\beta_t$",
        r"$+(1-\beta_t)z^T z/\beta_t$",
        "the third line is right",
    ),
    Erratum(
        "E17",
        "002, small beta",
        r"$q(z_{t-1}\mid z_t) = \mathcal N(z_t,\ \beta_t I)$",
        r"mean $\big(z_t + \beta_t\nabla\log q(z_t)\big)/\sqrt{1-\beta_t}$",
        "without the score nothing is denoised: the variance is 11.05 after $T = 1000$ steps",
    ),
    Erratum(
        "E18",
        "002, loss",
        r"$\ln p(z_{t-1}\mid z_t,w)/q(z_{t-1}\mid z_t,w)$",
        r"$q(z_{t-1}\mid z_t,x)$",
        "and the prior term, free of $w$, is dropped; $q$ is fixed, $p$ is learned",
    ),
    Erratum(
        "E19",
        "002, simplified loss",
        r"$L(w) = -\sum\Vert g-\epsilon\Vert^2$, called a loss",
        r"$+\sum\Vert g-\epsilon\Vert^2$",
        "the minus belongs to the bound that is maximized",
    ),
    Erratum(
        "E20",
        "001, classifier guidance",
        r"$\gamma\in[0,1]$, left side $\nabla\log p(x_t\mid y)$",
        r"$\gamma\ge 0$, usually $> 1$; left side $\nabla\log p_\gamma$",
        "contradicts the slide on classifier-free guidance",
    ),
    Erratum(
        "E21",
        "001, variance",
        r"$\mathrm{Var}(x_t) = a^2 + s^2$",
        r"$\mathrm{Var}(x_t) = a^2\mathrm{Var}(x_{t-1}) + s^2$",
        r"true only where $\mathrm{Var}(x_{t-1}) = 1$ already",
    ),
    Erratum(
        "E22",
        "001, KL",
        r"$(\mu_t-\mu_q)S^{-1}(\mu_t-\mu_q)$",
        r"$(\mu_t-\mu_q)^T S^{-1}(\mu_t-\mu_q)$",
        "the first factor is transposed",
    ),
    Erratum(
        "E23",
        "004, text",
        r'"true posterior $q(x_{t-1}\mid x_t)$"',
        r"conditioned on $x_0$ too, as the formula is",
        'the "KL between forward and reverse" is the gap of the bound',
    ),
    Erratum(
        "E24",
        "003, text",
        r'"maximize the left-side"; $x_t\sim q$ = sample; $\epsilon\sim\mathcal N(0,1)$; '
        r"$q(x_T\mid x_0)\sim\mathcal N(0,I)$",
        r"the right side; a sample is not a density; $\mathcal N(0,I)$; approximately equal",
        "words",
    ),
    Erratum(
        "E25",
        "001, footnote 20",
        "GGDM (2202.05830) for dynamic programming",
        "Watson, Ho, Norouzi and Chan 2021 (2106.03802)",
        "another paper",
    ),
    Erratum(
        "E26",
        "001, footnote 19",
        "Analytic-DPM for learned variance",
        "Nichol and Dhariwal 2021",
        "Analytic-DPM learns nothing",
    ),
    Erratum(
        "E27",
        "001, footnote 10",
        r"Ho 2020 for the prediction of $x_0$",
        r"Ho et al. advocate $\epsilon$ (interpretation II)",
        "the other way round",
    ),
)

ALSO = (
    '002 says the Ornstein-Uhlenbeck process "is a solution of the Fokker-Planck equation" (its density is). '
    "The roll-out of 001 gives two merged noises one name. 004 has lost backslashes: `eta` is beta, `heta` theta, "
    "`rac` a fraction, `lpha` alpha. The linked notebook of 003 also samples with uniform noise (`rand_like`), trains "
    r"with $T = 100$ and the betas of $T = 1000$ ($\bar a_T = 0.36$), and clamps $x_t$ at every step. 000 has no wrong "
    "formula."
)
"""Smaller things."""
