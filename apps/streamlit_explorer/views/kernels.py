"""Diffusion kernels in one and two dimensions: densities over time, and how they merge."""

from __future__ import annotations

import numpy as np
import page
import streamlit as st
from figures import kernels as charts

from pedesis.lessons import kernels, mixtures, schedules

KERNEL, LAW = "pedesis.process:Process.marginal", "pedesis.theory.exact:MixtureDenoiser"
PATHS, POINTS, FRAMES, CIRCLES = 12, 1000, 41, 6
TIMES = np.linspace(0, 1, 51)[1:]


@st.cache_data(max_entries=64, show_spinner=False)
def kernel_field(schedule: str, start: float) -> tuple[kernels.Field, schedules.Values]:
    """The kernel of one starting point over time, and paths from it."""
    return kernels.kernel_field(schedule, start), kernels.paths_from(schedule, start, PATHS)


@st.cache_data(max_entries=64, show_spinner=False)
def law_field(data: str, schedule: str) -> tuple[kernels.Field, schedules.Values]:
    """The law of all data over time, and paths from there."""
    return kernels.law_field(data, schedule), kernels.paths_of(data, schedule, PATHS)


@st.cache_data(max_entries=64, show_spinner=False)
def information(data: str, schedule: str, count: int) -> schedules.Values:
    """What is still known of the starting point at each of `TIMES`."""
    return np.array([kernels.information(data, schedule, count, t) for t in TIMES.tolist()])


@st.cache_data(max_entries=16, show_spinner=False)
def cloud(data: str, schedule: str, seed: int) -> kernels.Cloud:
    """The frames of the animation."""
    return kernels.cloud(data, schedule, POINTS, FRAMES, seed)


@st.cache_data(max_entries=64, show_spinner=False)
def circles(data: str, schedule: str, t: float) -> kernels.Circles:
    """The density in the plane."""
    return kernels.circles(data, schedule, t, CIRCLES)


with page.lesson(
    "Diffusion kernels in 1-D and 2-D",
    "The diffusion kernel $q(x_t\\mid x_0)$ is the cloud of all noisy versions of one data point; the law of all noisy "
    "data, $q(x_t)$, is the average of these clouds (the slides write $z_t$ for $x_t$). Every cloud begins as a spike "
    "and ends as the same $\\mathcal N(0, I)$: that is why generation can begin there.",
    KERNEL,
    LAW,
    "pedesis.theory.joint:forward_path",
    "pedesis.theory.exact:EmpiricalDenoiser",
    "pedesis.lessons.kernels:information",
):
    left, right = st.columns(2, gap="large", vertical_alignment="center")
    with left:
        page.formula(KERNEL)
    with right:
        page.formula(LAW)
    with st.container(horizontal=True, gap="medium"):
        data = st.selectbox("Data on the line", mixtures.LINE, key="data", bind=page.LINK, width=220)
        schedule = page.schedule(width=220)
    left, right = st.columns(2, gap="large")
    with left:
        start = st.slider("Starting point $x_0$ of the kernel", -2.5, 2.5, 1.5, 0.1, key="start", bind=page.LINK)
    with right:
        t = st.slider("Time $t$ of the slices", 0.01, 1.0, 0.15, 0.01, key="t", bind=page.LINK)

    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**One starting point:** $q(x_t\\mid x_0)$")
        page.plot(lambda: charts.over_time(*kernel_field(schedule, start), t), "kernel-field")
    with right:
        st.markdown("**All data:** $q(x_t)$")
        page.plot(lambda: charts.over_time(*law_field(data, schedule), t), "law-field")
    st.caption("Color is the density over time and position; the thin lines are paths of the chain, step by step.")
    left, right = st.columns([3, 2], gap="large", vertical_alignment="center")
    with left:
        st.markdown(f"**The slice at $t = {t:.2f}$**")
        page.plot(lambda: charts.slices(kernels.at(data, schedule, start, t)), "slices")
    with right:
        now = schedules.level(schedule, t)
        st.latex(rf"q(x_t\mid x_0) = \mathcal N\big({now.signal * start:.3f},\ {now.noise**2:.3f}\big)")
        st.markdown("How far from $\\mathcal N(0, 1)$, as a KL divergence:")
        with st.container(horizontal=True, gap="medium"):
            st.metric("the kernel", f"{kernels.kernel_kl(schedule, start, t):.3f} bits")
            st.metric("all data", f"{kernels.law_kl(data, schedule, t):.3f} bits")
        st.caption("KL is convex: an average of kernels is never further from noise than the kernels are on average.")

    st.subheader("The kernels merge", anchor=False)
    st.markdown(
        "Take $N$ data points and pile up their kernels, each with the share $1/N$: the pile tends to $q(x_t)$ "
        "(dotted) as $N$ grows. As $t$ grows the colors mix, and $x_t$ forgets which point it came from:"
    )
    st.latex(r"I(n; x_t) = \log_2 N - \mathbb E\,H(n\mid x_t) \ \longrightarrow\ 0")
    count = st.slider("Starting points $N$", 2, 32, 8, key="count", bind=page.LINK)
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.markdown(f"**{count} kernels at $t = {t:.2f}$**, one color each")
        page.plot(lambda: charts.merging(kernels.merge(data, schedule, count, t)), "merging")
    with right:
        st.markdown("**What $x_t$ still tells** of its starting point")
        page.plot(lambda: charts.forgetting(TIMES, information(data, schedule, count), count, t), "forgetting")

    st.subheader("In two dimensions", anchor=False)
    st.markdown(
        "The same in the plane. On the left, points take the steps of the chain from the data to noise: press Play. "
        "Their colors say in which direction they began. On the right, the density $q(x_t)$, with circles of two "
        f"standard deviations around the kernels of {CIRCLES} data points: they move to the middle as they grow, until "
        "they are one."
    )
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        shape = st.selectbox("Data in the plane", mixtures.PLANE, key="plane", bind=page.LINK, width=220)
        seed = page.seed()
        moment = st.slider("Time $t$ of the density", 0.01, 1.0, 0.1, 0.01, key="moment", bind=page.LINK, width=320)
    left, right = st.columns(2, gap="large")
    with left:
        page.plot(lambda: charts.cloud(cloud(shape, schedule, seed)), "cloud")
    with right:
        page.plot(lambda: charts.circles(circles(shape, schedule, moment)), "circles")
