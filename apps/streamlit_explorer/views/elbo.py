"""The variational bound: its three terms, where its bits go, one step as a VAE, and a trained model's real curve."""

from __future__ import annotations

import numpy as np
import page
import streamlit as st
from figures import elbo as charts

from pedesis.lessons import elbo, mixtures
from pedesis_zoo.models.measurements import load_table, measured

BOUND, VAE = "pedesis.theory.elbo:Elbo", "pedesis.theory.latent:LinearVAE.elbo"
LATENTS = np.linspace(-8, 12, 41)
ERRORS = np.geomspace(0.02, 1, 60)


@st.cache_data(max_entries=64, show_spinner=False)
def sweep(data: str, schedule: str, grid: str, variance: str) -> dict[int, dict[str, float]]:
    """The three terms for each number of steps, once for each setting."""
    return elbo.sweep(data, schedule, grid, variance)


@st.cache_data(max_entries=64, show_spinner=False)
def bound(data: str, schedule: str, steps: int, grid: str, variance: str) -> elbo.Bound:
    """One bound, once for each setting."""
    return elbo.bound(data, schedule, steps, grid, variance)


@st.cache_data(max_entries=16, show_spinner=False)
def vae(data: str) -> elbo.Vae:
    """The one-latent bounds of some data."""
    return elbo.vae(data, LATENTS)


def metrics(terms: dict[str, float | str]) -> None:
    """A row of numbers."""
    with st.container(horizontal=True, gap="medium"):
        for name, bits in terms.items():
            st.metric(name, bits if isinstance(bits, str) else f"{bits:.3f}")


with page.lesson(
    "ELBO: what a picture costs",
    "A diffusion model is a code: sender and receiver share it, and $x_0$ is sent as $x_1$, then step by step less "
    "noise, then the rest. The length of that message bounds $-\\log p(x_0)$ from above, and training shortens it.",
    BOUND,
    "pedesis.theory.elbo:elbo",
    "pedesis.theory.elbo:prior_term",
    "pedesis.theory.elbo:denoising_term",
    "pedesis.theory.elbo:decoder",
    "pedesis.theory.elbo:Elbo.bits_per_dim",
    VAE,
    "pedesis.theory.latent:standard_kl",
    "pedesis.lessons.elbo:bound",
):
    page.formula(BOUND)
    st.subheader("Three terms", anchor=False)
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        note = "Numbers on a line; the model of them is exact."
        data = st.selectbox("Data", mixtures.LINE, key="data", bind=page.LINK, width=220, help=note)
        steps = st.select_slider("Steps T", elbo.STEPS, 16, key="steps", bind=page.LINK)
        with page.more():
            schedule = page.schedule("cosine")
            grids, rules = elbo.GRID_NAMES, elbo.RULES
            grid = st.selectbox("Time grid", grids, grids.index("log-snr"), key="grid", bind=page.LINK)
            variance = st.selectbox(
                "Variance of a step",
                rules,
                rules.index("optimal"),
                key="variance",
                bind=page.LINK,
                help="posterior assumes that the data are one point, beta that they are N(0, 1), optimal knows.",
            )
    truth = elbo.truth(data)
    every = sweep(data, schedule, grid, variance)
    if steps not in every:
        st.info(
            "With one step the posterior variance leaves the decoder no width, so that the bound is infinite. "
            "Take another variance, or more steps."
        )
    else:
        now = every[steps]
        total = sum(now.values())
        metrics({**now, "bound": total, "truth": truth, "wasted": total - truth})
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**The terms** for each number of steps, and what no code can beat (dotted)")
        page.plot(lambda: charts.terms(every, truth), "terms")
    if steps in every and steps > 1:
        here = bound(data, schedule, steps, grid, variance)
        with right:
            st.markdown(f"**Where the bits go**: the denoising bits of T = {steps} by noise level")
            page.plot(lambda: charts.per_level(here), "per-level")
    elif steps == 1:
        with right:
            st.info("With one step there is no denoising term: the bound is that of a VAE, below.")
    st.caption(
        "Numbers are written with the resolution of a pixel, 2/255; bits are per number. The gap to the truth is what "
        "Gaussian steps miss of the true reverse conditionals, and it closes as steps are added; bars that leave the "
        "chart come from a variance that is too small, which makes every surprise expensive. Data that are one "
        "Gaussian need no more than one step."
    )

    if steps in every and steps > 1:
        st.subheader("Rate and distortion", anchor=False)
        left, right = st.columns([3, 2], gap="large", vertical_alignment="center")
        with left:
            page.plot(
                lambda: charts.rate_distortion(here, "data of size 1", (-np.log2(ERRORS), ERRORS)), "rate-distortion"
            )
        with right:
            st.markdown(
                "Whoever has received the message down to $x_t$ has paid the **rate**, the prior and the steps so "
                "far, and can guess $\\hat x_0$ with an rms error $D$, the **distortion**. The first bits say the "
                "most. For one Gaussian no code does better than $\\log_2(1/D)$, and a diffusion of many steps "
                "reaches it."
            )

    st.subheader("T = 1 is a VAE", anchor=False)
    st.markdown(
        "With one step the middle term is empty. What is left is the bound of a variational autoencoder whose "
        "encoder $q(z\\mid x) = \\mathcal N(\\alpha x, \\sigma^2)$ only adds noise: the KL to the prior, and the "
        "decoder's $-\\log p(x\\mid z)$. Choose how much noise:"
    )
    page.formula(VAE)
    log_snr = st.slider("log SNR of the latent z", -8.0, 12.0, 0.0, 0.5, key="latent", bind=page.LINK)
    left, right = st.columns([3, 2], gap="large", vertical_alignment="center")
    curve = vae(data)
    with left:
        page.plot(lambda: charts.vae(curve, truth, log_snr), "vae")
    with right:
        one = elbo.vae(data, np.array([log_snr]))
        metrics({"rate": one.rate[0], "distortion": one.distortion[0], "bound": one.total[0]})
        if data == "one Gaussian":
            st.success(
                f"The linear VAE of `pedesis.theory.latent`, in closed form: {elbo.linear_vae(log_snr):.3f} bits. "
                "Its decoder "
                "is the true posterior, so the bound is tight at every noise level: bits only move between the terms.",
                icon=":material/check:",
            )
        else:
            st.markdown(
                "A latent of pure noise tells nothing, and the decoder stands alone; one without noise has to be "
                "paid for under a prior that it does not follow. The best lies between, and still wastes "
                f"{curve.total.min() - truth:.2f} bits. Many small steps need not choose."
            )

    st.subheader("A trained model", anchor=False)
    models = measured("bits")
    if not models:
        st.info("Nothing has been measured yet: `python -m pedesis_zoo evaluate NAME --bits --save`.")
    else:
        name = st.selectbox("Model", models, key="model", bind=page.LINK, width=300)
        table = load_table(name, "bits")
        real, bits, error = elbo.from_table(table.columns)
        metrics(
            {
                **{term: real.of(term) for term in ("prior", "denoising", "reconstruction")},
                "bits per dimension": f"{bits:.3f} ± {error:.3f}",
            }
        )
        left, right = st.columns(2, gap="large")
        with left:
            st.markdown("**Where the bits go**: the denoising bits of a pixel by noise level")
            page.plot(lambda: charts.per_level(real, np.array(table["error"][:-1])), "model-per-level")
        with right:
            st.markdown("**Rate and distortion**: what a receiver can see after so many bits per pixel")
            page.plot(lambda: charts.rate_distortion(real, "gray levels"), "model-rate-distortion")
        st.caption(
            "Test images, no class given; the pixels have 256 levels, so that a picture costs 8 bits per pixel before "
            "any thought. The grid was chosen on training images so that the whole bound is least "
            "(see Faster sampling); most of the message is spent on detail that no eye would miss."
        )
        st.caption(f"Measured by `{table.command}`.")
