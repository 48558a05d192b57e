"""Faster sampling: the right variance, the right times, a student that skips steps; exact, and on our own models."""

from __future__ import annotations

import page
import streamlit as st
from figures import faster as charts
from figures.style import counted
from walks import EACH, walk

import pedesis_zoo as zoo
from pedesis.lessons import denoising, elbo, faster, mixtures
from pedesis_zoo.models.measurements import load_table, measured

VARIANCE, SEARCH, TARGET = (
    "pedesis.theory.variance:analytic_reverse_variance",
    "pedesis.theory.step_search:best_steps",
    "pedesis.training.distillation:one_step_target",
)
DATA = [name for name in mixtures.LINE if name != "one Gaussian"]  # that one is perfect in a single step
FEW = (1, 2, 4, 16)


@st.cache_data(max_entries=32, show_spinner=False)
def assumed(data: str, schedule: str) -> faster.Assumed:
    return faster.assumed(data, schedule)


@st.cache_data(max_entries=64, show_spinner=False)
def by_variance(data: str, schedule: str, grid: str) -> dict[str, faster.Values]:
    return faster.by_variance(data, schedule, grid)


@st.cache_data(max_entries=32, show_spinner=False)
def by_grid(data: str, schedule: str) -> faster.Searched:
    return faster.by_grid(data, schedule)


@st.cache_data(max_entries=128, show_spinner=False)
def student(data: str, schedule: str, rounds: int) -> faster.Student:
    return faster.student(data, schedule, rounds)


@st.cache_data(max_entries=32, show_spinner=False)
def distances(data: str, schedule: str) -> tuple[faster.Values, faster.Values]:
    return faster.distances(data, schedule)


with page.lesson(
    "Faster sampling",
    "A thousand small steps are the safe way from noise to data, and a slow one. Three ideas make few steps good: "
    "give each step the **variance** it needs, take the steps at the **times** that matter, or **distil** the long "
    "walk into a student that takes several steps at once.",
    VARIANCE,
    "pedesis.theory.reverse:VarianceRule",
    "pedesis.theory.variance:estimate_variance",
    SEARCH,
    "pedesis.theory.step_search:variational_cost",
    TARGET,
    "pedesis.training.distillation:Distillation",
    "pedesis.lessons.faster:student",
):
    with st.container(horizontal=True):
        data = st.selectbox(
            "Data", DATA, key="data", bind=page.LINK, help="Numbers on a line; the model of them is exact.", width=260
        )
        schedule = page.schedule("cosine", 260)

    st.subheader("The right variance", anchor=False)
    st.markdown(
        "A step from $x_t$ to $x_s$ is a Gaussian, and its variance depends on how wide $p(x_0\\mid x_t)$ is. "
        "DDPM has two guesses: $\\tilde\\beta$ (the data are one point) and $\\beta$ (they are $\\mathcal N(0, I)$). "
        "The truth lies between, and its mean can be read off the norm of the score:"
    )
    page.formula(VARIANCE)
    grid = st.selectbox(
        "Time grid", elbo.GRID_NAMES, elbo.GRID_NAMES.index("uniform"), key="grid", bind=page.LINK, width=260
    )
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**How wide** $p(x_0\\mid x_t)$ is, and what the rules assume")
        page.plot(lambda: charts.assumed(assumed(data, schedule)), "assumed")
    with right:
        st.markdown("**What it costs** to be wrong: bits above $-\\log_2 p(x_0)$")
        page.plot(lambda: charts.wasted(by_variance(data, schedule, grid), charts.RULES), "by-variance")
    st.caption(
        "“optimal” knows the variance at every $x_t$, “analytic” only its mean at every noise level. In few steps "
        "$\\tilde\\beta$ is far too sure of itself, and $\\beta$ too doubtful."
    )

    st.subheader("The right times", anchor=False)
    st.markdown(
        "The bound is a sum over steps, and a step from $t$ to $s$ costs $L(s, t)$ whatever comes before or after. "
        "So the cheapest path of $k$ steps is found exactly, by dynamic programming:"
    )
    page.formula(SEARCH)
    steps = st.select_slider("Steps k", faster.STEPS, 8, key="steps", bind=page.LINK)
    found = by_grid(data, schedule)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(f"**Where the {steps} steps begin**")
        page.plot(lambda: charts.places(found, steps), "places")
    with right:
        st.markdown("**What each grid costs**, with the analytic variance")
        colors = {name: charts.color(name) for name in found.bits}
        page.plot(lambda: charts.wasted(found.bits, colors, steps), "by-grid")
    st.caption(
        "The search puts its steps where the data make up their mind, and none where a Gaussian step is exact. "
        "It minimizes the bound; what looks best may want other times."
    )

    st.subheader("Distillation", anchor=False)
    st.markdown(
        f"A teacher walks {faster.TEACHER} steps of DDIM. A student learns to do in one step what the teacher does in "
        "two, then becomes the teacher. The answer it has to give is the $\\tilde x$ with which one step lands there:"
    )
    page.formula(TARGET)
    rounds = st.slider("Halvings", 0, faster.ROUNDS, 3, key="rounds", bind=page.LINK)
    now = student(data, schedule, rounds)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**What it has to know**: its answer to pure noise")
        page.plot(lambda: charts.answer(now, student(data, schedule, 0)), "answer")
    with right:
        st.markdown(f"**Where its samples land** after {counted(now.steps)}")
        centers, (its, plain), real = faster.densities([now.lands, now.plain], data)
        page.plot(lambda: charts.samples(centers, its, plain, real, now.steps), "student-samples")
    left, right = st.columns(2, gap="large", vertical_alignment="center")
    with left:
        page.plot(lambda: charts.distances(*distances(data, schedule), now.steps), "distances")
    with right:
        st.markdown(
            "The teacher's answer to noise is the mean of everything it could become: a smooth, easy function, and in "
            "one step it gives nothing but that mean. The student's answer is the one point that the noise flows to: "
            "it must draw the borders between the bumps. This student is perfect, so it loses nothing; a network "
            "loses a little in every round, and needs training for it."
        )

    st.subheader("Measured on our models", anchor=False)
    models = measured("few-steps")
    if not models:
        st.info("Nothing has been measured yet: `python -m pedesis_zoo evaluate NAME --few-steps --save`.")
    else:
        with st.container(horizontal=True):
            name = st.selectbox("Model", models, key="model", bind=page.LINK, width=260)
            table = load_table(name, "few-steps")
            grids = list(dict.fromkeys(map(str, table["grid"])))
            real_grid = st.selectbox(
                "Time grid of the left chart", grids, grids.index("uniform"), key="real-grid", bind=page.LINK, width=260
            )
        left, right = st.columns(2, gap="large")
        with left:
            st.markdown("**Variances** on one grid")
            page.plot(
                lambda: charts.measured(faster.measured(table.columns, grid=real_grid), charts.RULES), "real-variances"
            )
        with right:
            st.markdown("**Grids** with the analytic variance")
            curves = faster.measured(table.columns, variance="analytic")
            page.plot(lambda: charts.measured(curves, {grid: charts.color(grid) for grid in curves}), "real-grids")
        rows = [gain for n in (10, 25) if n in table["steps"] for gain in faster.gains(table.columns, n)]
        st.table(
            {
                "steps": [str(gain.steps) for gain in rows],
                "better": [gain.better for gain in rows],
                "than": [gain.worse for gain in rows],
                "bits per dimension saved": [f"{gain.bits:.3f} ± {gain.error:.3f}" for gain in rows],
                "clear": ["yes" if gain.clear else "no" for gain in rows],
            },
            hide_index=True,
        )
        st.caption(
            "Variances and grid were learned from training images, the bits are those of test images; differences are "
            "taken image by image, and called clear above two standard errors (after the ±)."
        )
        st.caption(f"Measured by `{table.command}`.")

    st.subheader("A student of pictures", anchor=False)
    students = [s for s in zoo.list_models("fashion-mnist-student-*") if zoo.recipe(s).kind == "image"]
    low, high = zoo.recipe(students[0]).generation.scales if students else (1.0, 6.0)
    with st.container(horizontal=True):
        guidance = st.slider("Guidance", low, high, 1.0, 0.5, key="guidance", bind=page.LINK, width=300)
        seed = page.seed()
    shown = [("fashion-mnist", n, f"teacher, {counted(n)}") for n in FEW]
    for s in students:
        n = zoo.recipe(s).generation.steps
        shown.append((s, n, f"student, {counted(n)}"))

    def drawn() -> None:
        with st.container(horizontal=True, gap="small", key="students"):
            for model, n, caption in shown:
                pixels = denoising.sheet(walk(model, EACH, guidance, seed, "ddim", n).x0[-1], 2)
                page.picture(pixels, caption, caption, 148, 256)

    page.later(drawn, "students")
    st.caption(
        "DDIM from the same noise. In one step the teacher gives the mean of what the noise could become: a blur."
        + ("" if students else " No student of it has been published yet.")
    )
