"""The reverse conditional: with the data point known, and without."""

from __future__ import annotations

import page
import streamlit as st
from figures import reverse as charts

from pedesis.lessons import mixtures, reverse, schedules

POSTERIOR = "pedesis.process:Process.posterior"
TRUE, SMALL = "pedesis.theory.exact:MixtureDenoiser.log_reverse", "pedesis.theory.kernels:small_step_reverse"
SIZES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)


@st.cache_data(max_entries=64, show_spinner=False)
def gaps(data: str, schedule: str, x_t: float, t: float) -> reverse.Gaps:
    """The curves of KL over beta, once for each setting."""
    return reverse.gaps(data, schedule, x_t, t)


@st.cache_data(max_entries=64, show_spinner=False)
def steps(schedule: str, size: float) -> tuple[schedules.Values, list[reverse.Step]]:
    """The numbers of all steps of one size."""
    return reverse.steps(schedule, size)


with page.lesson(
    "The reverse conditional",
    "Generation needs the law of a cleaner $x_s$ given $x_t$, with $s < t$ (the slides' $z_{t-1}$ given $z_t$). "
    "If the data point $x_0$ is known too, it is a Gaussian for every step; given $x_t$ alone it is nearly one, and "
    "only for small steps: that is why diffusion models take many.",
    POSTERIOR,
    TRUE,
    SMALL,
    "pedesis.theory.reverse:reverse_kernel",
    "pedesis.lessons.reverse:reverse",
):
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        schedule = page.schedule(width=220)
        size = st.select_slider("Step $t - s$", SIZES, 0.2, key="step", bind=page.LINK, width=300)
    left, right = st.columns(2, gap="large")
    with left:
        t = st.slider("Time $t$", 0.02, 1.0, 0.3, 0.01, key="t", bind=page.LINK)
    with right:
        x_t = st.slider("Where we are, $x_t$", -3.0, 3.0, 0.1, 0.1, key="xt", bind=page.LINK)
    s = reverse.before(t, size)
    now = reverse.step(schedule, s, t)
    with st.container(horizontal=True, gap="large"):
        st.metric("from t to s", f"{t:.2f} → {s:.3g}", help="A step that would reach 0, the clean data, stops at t/50.")
        st.metric("$\\beta$ of this step", page.power(now.beta))
        st.metric("$\\tilde\\beta$ of this step", page.power(now.beta_tilde))

    st.subheader("The data point is known", anchor=False)
    page.formula(POSTERIOR)
    st.markdown(
        "Two Gaussians meet: where $x_0$ says that $x_s$ should be, and which $x_s$ could have become this $x_t$. "
        "Their product is again a Gaussian: its mean is a mix of $x_t$ and $x_0$, its variance $\\tilde\\beta$ is "
        "smaller than that of either."
    )
    x_0 = st.slider("The data point $x_0$", -3.0, 3.0, 1.5, 0.1, key="x0", bind=page.LINK)
    mean = now.on_x_t * x_t + now.on_x_0 * x_0
    st.latex(
        rf"m = {now.on_x_t:.3f}\,x_t + {now.on_x_0:.3f}\,x_0 = {mean:.3f},\qquad "
        rf"q(x_s\mid x_t, x_0) = \mathcal N\big({mean:.3f},\ {now.beta_tilde:.4f}\big)"
    )
    page.plot(lambda: charts.bayes(reverse.bayes(schedule, x_0, x_t, s, t), x_0, x_t), "bayes")
    times, all_steps = steps(schedule, size)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**The mix**, for steps of this size at every $t$")
        page.plot(lambda: charts.mix(times, all_steps, t), "mix")
    with right:
        st.markdown("**The variance** $\\tilde\\beta$, and $\\beta$ of the step forward")
        page.plot(lambda: charts.variances(times, all_steps, t), "variances")

    st.subheader("The data point is not known", anchor=False)
    page.formula(TRUE)
    st.markdown(
        "This needs $q(x_s)$, the law of all data: hopeless for pictures, closed form for a mixture of Gaussians. "
        "It averages the Gaussians above over all $x_0$ that could be behind $x_t$. For a small step they hardly "
        "differ; for a large one each goes to its own data, and the average has several bumps."
    )
    data = st.selectbox("Data", mixtures.LINE, key="data", bind=page.LINK, width=220)
    found = reverse.reverse(data, schedule, x_t, s, t)
    page.formula(SMALL)
    with st.container(horizontal=True, gap="large"):
        st.metric("KL(exact ‖ from the score)", f"{page.power(found.small_kl)} bits")
        st.metric("KL(exact ‖ exact mean and variance)", f"{page.power(found.best_kl)} bits")
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**$q(x_s\\mid x_t)$** and two Gaussians in its place")
        page.plot(lambda: charts.reverse(found), "reverse")
    with right:
        st.markdown("**How they fail** as the step grows")
        page.plot(lambda: charts.gaps(gaps(data, schedule, x_t, t), now.beta, found), "gaps")
    st.caption(
        "With the mean from the score and the variance $\\beta$, the KL falls as $\\beta^2$; with the exact mean and "
        "variance, at which a learned variance aims, it falls as $\\beta^3$. Below $10^{-12}$ bits is only rounding: "
        "if the data are one Gaussian, so is the reverse conditional, at every step."
    )
