"""Noise schedules side by side, their ends, and the trap of too few steps."""

from __future__ import annotations

import numpy as np
import page
import streamlit as st
from figures import schedules as charts

from pedesis.lessons import forward, pictures, schedules

CHAIN, DDPM = "pedesis.schedules:FromBetas", "pedesis.schedules:Linear"
PRIOR_KL = "pedesis.process:Process.prior_kl"
STEPS = (10, 20, 50, 100, 200, 300, 400, 500, 700, 1000, 1500, 2000)
SWEEP = np.unique(np.geomspace(10, 2000, 60).round())


with page.lesson(
    "Schedules",
    "A schedule says how fast the signal fades: one decreasing curve, the logarithm of the signal-to-noise ratio. "
    "Everything else, $\\beta_t$, $\\bar\\alpha_t$ and the powers of signal and noise, follows from it.",
    CHAIN,
    DDPM,
    "pedesis.process:Process.chain",
    PRIOR_KL,
    *(name for name in map(schedules.source, schedules.names()) if name not in (CHAIN, DDPM)),
):
    left, right = st.columns([1, 1], gap="large", vertical_alignment="center")
    with left:
        page.formula(CHAIN, rows=True)
    with right:
        st.latex(
            r"\mathrm{SNR}(t) = \frac{\bar\alpha_t}{1-\bar\alpha_t},\qquad "
            r"\bar\alpha_t = \frac{1}{1 + e^{-\log\mathrm{SNR}(t)}}"
        )
    left, right = st.columns([3, 2], gap="large")
    with left:
        chosen = st.multiselect(
            "Schedules", schedules.names(), ["linear", "cosine", "flow"], key="schedules", bind=page.LINK
        )
    with right:
        steps = st.select_slider("Steps T of the chain (for β)", STEPS, 1000, key="chain", bind=page.LINK)

    if not chosen:
        st.info("Choose at least one schedule to see its curves.")
    else:
        curves = {name: schedules.curves(name) for name in chosen}
        left, right = st.columns(2, gap="large")
        with left:
            st.markdown("**Signal power $\\bar\\alpha_t$** (dotted: noise power $1-\\bar\\alpha_t$)")
            page.plot(lambda: charts.powers(curves), "powers")
        with right:
            st.markdown("**log SNR**: the schedule itself")
            page.plot(lambda: charts.log_snr(curves), "log-snr")
        left, right = st.columns(2, gap="large")
        with left:
            st.markdown(f"**$\\beta_i$** of the chain with $T = {steps}$ steps")
            page.plot(lambda: charts.betas({name: schedules.betas(name, steps) for name in chosen}), "betas")
        with right:
            st.markdown("**All on one axis**: the share of time at each log SNR")
            page.plot(lambda: charts.time_share(curves), "time-share")
        st.caption(
            "As a function of log SNR all schedules are the same curve; they differ only in where they linger. "
            "Training draws t evenly, so this is also the share of training that each noise level gets."
        )

        st.subheader("Does it end in noise?", anchor=False)
        st.markdown(
            "Sampling starts from $\\mathcal N(0, I)$, so the chain had better end there. "
            "What is missing is the prior-matching KL, in bits per dimension for data of size 1:"
        )
        st.latex(
            r"\mathrm{KL}\big(q(x_1\mid x_0)\,\|\,\mathcal N(0,I)\big) = \tfrac12\log_2\big(1+\mathrm{SNR}(1)\big)"
        )
        ends = {name: schedules.end(name) for name in chosen}
        st.table(
            {
                "schedule": list(ends),
                "log SNR(0)": [
                    f"{e.start_log_snr:.1f}" if np.isfinite(e.start_log_snr) else "∞" for e in ends.values()
                ],
                "log SNR(1)": [f"{e.log_snr:.2f}" for e in ends.values()],
                "SNR(1)": [page.power(e.snr) for e in ends.values()],
                "prior KL, bits": [page.power(e.prior_kl) for e in ends.values()],
                "ends in noise": ["yes" if e.good else "no" for e in ends.values()],
            },
            hide_index=True,
        )

    st.subheader("The trap of 100 steps", anchor=False)
    st.markdown(
        "DDPM's $\\beta$ from $10^{-4}$ to $0.02$ were chosen for $T = 1000$. Spread the same numbers over 100 steps "
        "and the chain stops half way: 36 % of the signal power is still there, but sampling starts from pure noise. "
        "The cure is not to keep the betas but the curve: read the 1000-step schedule at $T$ of its times."
    )
    page.formula(DDPM)
    few = st.select_slider("Steps T of the trap", STEPS, 100, key="trap", bind=page.LINK)
    alpha_bar, end = schedules.ddpm(few)
    reference, good = schedules.ddpm(1000)
    with st.container(horizontal=True, gap="large"):
        st.metric(f"$\\bar\\alpha_T$ for T = {few}", page.power(end.alpha_bar))
        st.metric("terminal SNR", page.power(end.snr))
        st.metric("prior KL, bits per dimension", page.power(end.prior_kl))
        st.metric("the same at T = 1000", page.power(good.prior_kl))
    if end.good:
        st.success(f"At T = {few} these betas end in noise.", icon=":material/check:")
    else:
        st.warning(
            f"At T = {few} these betas do not end in noise: the prior KL is above {schedules.TOLERANCE} bits.",
            icon=":material/warning:",
        )
    left, middle, right = st.columns([2, 2, 1], gap="large")
    with left:
        page.plot(lambda: charts.trap({f"T = {few}": alpha_bar, "T = 1000": reference}), "trap-curve")
    with middle:
        page.plot(lambda: charts.prior_kl(SWEEP, schedules.prior_kl_of_ddpm(SWEEP), few, end.prior_kl), "trap-kl")
    with right:
        last = forward.remains(pictures.picture("cat"), end.alpha_bar)
        page.picture(forward.show(last), f"where {few} steps end", f"A cat after {few} steps of the chain")
