"""q_sample(x0, t, noise): the forward process, x_t = sqrt(alpha_bar) x_0 + sqrt(1 - alpha_bar) noise, or with sigmas
x_t = x_0 + sigma noise."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from pedesis.doctor import sigma
from pedesis.doctor.affine import Examined, Subject, examine
from pedesis.doctor.formulas import Q_SAMPLE, SigmaChain, chain_symbols
from pedesis.doctor.signatures import Call, Clock
from pedesis.process import Chain

WANTED, OPTIONAL = ("x0", "t"), ("noise",)


def examine_q_sample(ways: Sequence[Call], clocks: Sequence[Clock], chain: Chain, shape: tuple[int, ...]) -> Examined:
    """Findings about a forward process; noise that it draws itself is read too."""
    formula = sigma.Q_SAMPLE if isinstance(chain, SigmaChain) else Q_SAMPLE
    subject = Subject(
        "q_sample",
        ways,
        clocks,
        len(chain.beta) - 1,
        ("x0", "noise"),
        shape,
        formulas=lambda values, t: [(formula, {})],
        known=lambda t: chain_symbols(chain, t),
        size=lambda t: torch.full(t.shape, 2.0**-6, dtype=torch.float64),
        rows=True,
    )
    return examine(subject)
