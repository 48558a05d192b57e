"""Brownian motion: walkers, their law, the master equation, and the heat equation."""

from __future__ import annotations

import numpy as np
import page
import streamlit as st
from figures import brownian as charts
from figures.style import counted

from pedesis.lessons import brownian

WALK, MATRIX = "pedesis.physics.walk:LazyWalk", "pedesis.physics.walk:LazyWalk.matrix"
PARTS, MASTER = "pedesis.physics.walk:LazyWalk.drift_and_diffusion", "pedesis.physics.walk:ContinuousWalk"
LIMIT, HEAT = "pedesis.physics.brownian:continuum_limit", "pedesis.physics.brownian:heat_kernel"
SQUARED, FOURIER = "pedesis.physics.brownian:mean_squared_displacement", "pedesis.physics.brownian:FourierGrid"
GRAINS, FRAMES = 300, 41


@st.cache_data(max_entries=64, show_spinner=False)
def walkers(p: float, q: float, steps: int, count: int, seed: int) -> brownian.Walkers:
    """The walkers, once for each setting."""
    return brownian.walkers(p, q, steps, count, seed)


@st.cache_data(max_entries=64, show_spinner=False)
def concentration(p: float, q: float, shape: str, steps: int, periodic: bool) -> brownian.Concentration:
    """The master equation, once for each setting."""
    return brownian.concentration(p, q, shape, steps, periodic)


@st.cache_data(max_entries=64, show_spinner=False)
def finer(p: float, q: float) -> list[brownian.Finer]:
    """The walks of finer and finer steps."""
    return [brownian.finer(p, q, per_time) for per_time in brownian.FINER]


with page.lesson(
    "Brownian motion",
    "A particle sits on a line of sites; in each step it jumps left with probability $p$, right with probability $q$, "
    "or stays. Many such walkers make a concentration that spreads like heat: this is where diffusion models begin.",
    WALK,
    MATRIX,
    PARTS,
    MASTER,
    LIMIT,
    HEAT,
    SQUARED,
    FOURIER,
    "pedesis.physics.brownian:brownian_paths",
):
    page.formula(WALK, rows=True)
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        p = st.slider("Jump to the left, $p$", 0.05, 0.45, 0.2, 0.05, key="p", bind=page.LINK)
        q = st.slider("Jump to the right, $q$", 0.05, 0.45, 0.3, 0.05, key="q", bind=page.LINK)
        steps = st.slider("Steps", 1, 200, 60, key="steps", bind=page.LINK)
        with page.more():
            count = st.select_slider("Walkers", (10, 100, 1000, 5000), 1000, key="count", bind=page.LINK, width=220)
            seed = page.seed("Seed")

    found, law = walkers(p, q, steps, count, seed), brownian.law(p, q, steps)
    exact, of_heat = brownian.spread(p, q, steps)
    mean = (q - p) * np.arange(steps + 1)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(f"**{found.paths.shape[1]} of the walkers** over time")
        page.plot(lambda: charts.paths(found, mean, np.sqrt(exact)), "paths")
    with right:
        st.markdown(f"**Where all {count} are** after {counted(steps)}")
        page.plot(lambda: charts.histogram(found, law), "histogram")
    page.formula(HEAT)
    st.markdown(
        "The dots are the exact law of the walk, $(p/z + (1-p-q) + q\\,z)^n$ multiplied out. The line is the heat "
        "kernel, which knows nothing of sites, with the drift $v = q - p$ and the diffusivity $D = (p+q)/2$."
    )
    with st.container(horizontal=True, gap="large"):
        st.metric("mean, measured (exact)", f"{found.mean[-1]:.2f} ({mean[-1]:.2f})")
        st.metric("variance, measured (exact)", f"{found.variance[-1]:.2f} ({exact[-1]:.2f})")
        st.metric("walk and heat kernel differ by", f"{100 * law.apart:.2f} %", help="Total variation distance.")

    st.subheader("How far does it get?", anchor=False)
    page.formula(SQUARED)
    st.markdown(
        "The squared distance grows like the time: to get twice as far takes four times as long. On the left, the "
        "variance of the walkers; on the right, grains in a plane with the same $v$ and $D$, as Brown saw them."
    )
    left, right = st.columns(2, gap="large")
    with left:
        page.plot(lambda: charts.displacement(found.variance, exact, of_heat), "displacement")
        st.caption(
            "A walk with drift is a little narrower than $2Dt$, by $(q-p)^2$ for each step, because it jumps at most "
            "once in a step. With jumps at any time, or with smaller and smaller steps, the difference is gone."
        )
    with right:
        page.plot(lambda: charts.grains(brownian.grains(p, q, steps, GRAINS, FRAMES, seed)), "grains")

    st.subheader("The master equation", anchor=False)
    page.formula(MATRIX)
    st.markdown(
        "Instead of following walkers, follow the concentration: each step is one multiplication by a sparse matrix, "
        "and nothing is lost."
    )
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        shape = st.pills("Start", brownian.SHAPES, default="two heaps", required=True, key="shape", bind=page.LINK)
        ring = st.toggle("The ends meet in a ring", False, key="ring", bind=page.LINK)
    solved = concentration(p, q, shape, steps, ring)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**The concentration over time**")
        page.plot(lambda: charts.over_time(solved), "over-time")
    with right:
        st.markdown(f"**After {steps} steps**, and with jumps at any time")
        page.plot(lambda: charts.concentration(solved), "concentration")
    page.formula(PARTS)
    left, right = st.columns(2, gap="large", vertical_alignment="center")
    with left:
        page.plot(lambda: charts.change(solved), "change")
    with right:
        st.markdown(
            "What changes in the next step has two parts. The **drift** follows the slope of the concentration and "
            "moves it; the **diffusion** follows its curvature, fills valleys and wears down peaks."
        )
    st.markdown(
        "With jumps at any time instead of once per step, both parts together are the rate of change: this is the "
        "master equation, and the dashed line above is its solution."
    )
    page.formula(MASTER)

    st.subheader("Smaller and smaller steps", anchor=False)
    page.formula(LIMIT)
    st.markdown(
        "Take more steps, each shorter by the square root: $v$ and $D$ stay, and the walk becomes Brownian motion. "
        "Below, the law at time 4 of a walk that started at 0."
    )
    per_time = st.select_slider("Steps per time 1", brownian.FINER, 4, key="finer", bind=page.LINK)
    finest = finer(p, q)
    left, right = st.columns(2, gap="large")
    with left:
        page.plot(lambda: charts.finer(finest[brownian.FINER.index(per_time)]), "finer-walk")
    with right:
        apart = np.array([f.apart for f in finest])
        page.plot(lambda: charts.convergence(np.array(brownian.FINER, dtype=float), apart, per_time), "convergence")

    st.subheader("In waves", anchor=False)
    page.formula(FOURIER)
    st.markdown(
        f"As a sum of waves, diffusion is simple: each wave $k$ fades on its own by $e^{{-Dk^2t}}$, here until "
        f"$t = {steps}$ and without drift. Fine detail (large $k$) goes first, the total ($k = 0$) stays. Going back "
        "would multiply every error by $e^{+Dk^2t}$: what is blurred does not come back without knowledge of the data."
    )
    waves = brownian.spectrum(p, q, shape, steps)
    left, right = st.columns(2, gap="large")
    with left:
        page.plot(lambda: charts.in_space(waves), "in-space")
    with right:
        page.plot(lambda: charts.in_waves(waves), "in-waves")
