"""Fokker-Planck and Ornstein-Uhlenbeck: densities that flow, and why the forward process forgets."""

from __future__ import annotations

import page
import streamlit as st
from figures import fokker_planck as charts

from pedesis.lessons import fokker_planck, schedules

EQUATION, SPRING = "pedesis.physics.fokker_planck:FokkerPlanck", "pedesis.physics.langevin:OrnsteinUhlenbeck"

OUTCOME = {
    "spring": "**A spring** pulls back with $A = -gx$: the mean dies out, and the variance settles where the pull and "
    "the noise balance, at $s^2/2g$.",
    "two wells": "**Two wells**, at $x = \\pm 2$ with a hill between them: a particle soon settles in one and stays, "
    "the longer the weaker the noise. The density comes to rest too, but only after many crossings.",
    "no force": "**Without a force** the mean stays where it is and the variance grows by $s^2$ per time, for ever: "
    "that is Brownian motion, and it has no rest.",
}


@st.cache_data(max_entries=32, show_spinner=False)
def flow(force: str, g: float, s: float, start: str, x0: float, seed: int) -> fokker_planck.Flow:
    """Density and paths, once for each setting."""
    return fokker_planck.flow(force, g, s, start, x0, seed=seed)


@st.cache_data(max_entries=64, show_spinner=False)
def forgetting(g: float, s: float, x0: float) -> dict[str, schedules.Values]:
    """The distance of two densities under each force."""
    return {force: fokker_planck.forgetting(force, g, s, x0) for force in fokker_planck.FORCES}


with page.lesson(
    "Fokker-Planck and Ornstein-Uhlenbeck",
    "Particles under a force and noise move at random, but their density flows by an exact equation: Fokker-Planck. "
    "With a spring as the force they all come to the same rest, wherever they began: this is the forward process of "
    "diffusion models, and it forgets.",
    EQUATION,
    "pedesis.physics.fokker_planck:FokkerPlanck.evolve",
    SPRING,
    "pedesis.physics.langevin:euler_maruyama",
    "pedesis.gaussian:Gaussian.kl",
):
    left, right = st.columns(2, gap="large", vertical_alignment="center")
    with left:
        page.formula(EQUATION)
    with right:
        st.latex(r"dx = A(x)\,dt + s\,dW,\qquad B = \tfrac{s^2}{2}")
    with st.container(horizontal=True, gap="large", vertical_alignment="bottom"):
        force = st.pills("Force", fokker_planck.FORCES, default="spring", required=True, key="force", bind=page.LINK)
        start = st.pills("Start", fokker_planck.STARTS, default="two heaps", required=True, key="start", bind=page.LINK)
        with page.more():
            g = st.slider("Strength of the force, $g$", 0.2, 3.0, 1.0, 0.1, key="g", bind=page.LINK)
            s = st.slider("Strength of the noise, $s$", 0.3, 1.2, 0.8, 0.1, key="s", bind=page.LINK)
            seed = page.seed("Seed of the paths")
    left, right = st.columns([1, 2], gap="large")
    with left:
        x0 = st.slider("Place of the start, $x_0$", 0.5, 2.5, 2.0, 0.1, key="x0", bind=page.LINK)
    with right:
        t = st.slider("Time of the slice", 0.0, fokker_planck.END, 0.5, 0.05, key="t", bind=page.LINK)

    found = flow(force, g, s, start, x0, seed)
    i = round(t / fokker_planck.END * (len(found.t) - 1))
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**The density over time**, and some simulated paths")
        page.plot(lambda: charts.over_time(found, t), "over-time")
    with right:
        st.markdown(f"**The slice at time {t:.2f}**: {found.paths.shape[1]} paths, and the equation")
        page.plot(lambda: charts.at(found, i), "at")
    st.caption(
        "The paths know nothing of the density and the equation nothing of the paths: one is simulated step by step, "
        "the other is solved on a grid of cells that keeps the mass and never becomes negative."
    )
    left, right = st.columns(2, gap="large", vertical_alignment="center")
    with left:
        page.plot(
            lambda: charts.moments(found.t, fokker_planck.on_the_grid(found), fokker_planck.of_the_paths(found), t),
            "moments",
        )
    with right:
        st.markdown(OUTCOME[force])

    st.subheader("Why the forward process forgets", anchor=False)
    page.formula(SPRING, rows=True)
    starts = (-x0, 0.0, x0)
    back = fokker_planck.returns(g, s, starts)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**From three points**, mean and two standard deviations")
        page.plot(lambda: charts.returning(back, starts), "returning")
    with right:
        st.markdown("**The distance from rest** falls as $e^{-2gt}$, from $0$ even as $e^{-4gt}$")
        page.plot(lambda: charts.to_rest(back, starts), "to-rest")
    st.markdown(
        "The start enters only through $x_0\\,e^{-gt}$, and that is soon nothing. Diffusion models use the spring with "
        "$g = \\beta/2$ and $s = \\sqrt\\beta$, for which the variance at rest is 1; their $\\beta$ may change in time:"
    )
    st.latex(
        r"dx = -\tfrac{\beta}{2}\,x\,dt + \sqrt{\beta}\,dW \quad\Longrightarrow\quad "
        r"x_t = \sqrt{\bar\alpha_t}\,x_0 + \sqrt{1-\bar\alpha_t}\,\epsilon,\qquad \bar\alpha_t = e^{-\int\beta\,dt}"
    )
    left, right = st.columns(2, gap="large", vertical_alignment="center")
    with left:
        page.plot(lambda: charts.forgetting(found.t, forgetting(g, s, x0)), "forgetting")
    with right:
        st.markdown(
            f"**Not every force forgets.** Two heaps begin at ${x0:g}$ and $-{x0:g}$: this is how far apart their "
            "densities are, from 1 (never confused) to 0 (the same). The spring forgets exponentially fast. Without a "
            "force the densities grow into each other slowly, in the end like $1/\\sqrt t$; with two wells each "
            "remembers its side, the longer the weaker the noise."
        )
