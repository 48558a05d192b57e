"""Three interpretations of a denoiser, and v: the same arrows, Tweedie's formula, and what an error costs."""

from __future__ import annotations

import page
import streamlit as st
from figures import interpretations as charts

from pedesis.lessons import interpretations, mixtures, plane, schedules

FORMS, TWEEDIE = "pedesis.parameterizations:Parameterization", "pedesis.theory.kernels:tweedie"
STEP = "pedesis.theory.kernels:DenoisingWeights"
MEANS = ("pedesis.theory.kernels:mean_from_eps", "pedesis.theory.kernels:mean_from_score")
ASKED = {
    "x0": "I: the clean data, $\\hat x_0$",
    "eps": "II: the noise, $\\hat\\epsilon$",
    "score": "III: the score, $\\nabla\\log q(x_t)$",
    "v": "the velocity $v = \\alpha\\epsilon - \\sigma x_0$",
    "flow": "the velocity of a straight path, $\\epsilon - x_0$",
}


@st.cache_data(max_entries=128, show_spinner=False)
def answer(data: str, schedule: str, name: str, t: float) -> tuple[interpretations.Answer, schedules.Values]:
    """The answer field, and the law of x_t behind it."""
    law = plane.density(mixtures.denoiser(data, schedule), t, plane.axis(61))
    return interpretations.answer(data, schedule, name, t), law


@st.cache_data(max_entries=128, show_spinner=False)
def line(data: str, schedule: str, t: float) -> interpretations.Line:
    """Toy data on a line."""
    return interpretations.line(data, schedule, t)


with page.lesson(
    "Three interpretations",
    "A denoising network may be asked for the clean data (I), for the noise (II) or for the score (III), or for a "
    "mixture of these such as $v$. At a given $x_t$ each of them follows from any other: the questions differ, the "
    "answer is the same.",
    FORMS,
    *MEANS,
    TWEEDIE,
    STEP,
    "pedesis.losses.denoising:Variational",
):
    page.formula(FORMS)
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        data = st.selectbox("Data in the plane", mixtures.PLANE, key="data", bind=page.LINK, width=160)
        schedule = page.schedule("cosine", 170)
    t = st.slider("Time t", 0.02, 1.0, 0.24, 0.02, key="t", bind=page.LINK)
    name = st.pills(
        "The network is asked for",
        interpretations.names(),
        default=interpretations.names()[0],
        required=True,
        key="asked",
        bind=page.LINK,
    )
    now, law = answer(data, schedule, name, t)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(f"**What it says:** {ASKED.get(name, name)}")
        page.plot(lambda: charts.said(now, name, plane.axis(61), law), "said")
        st.caption(f"The answer of a perfect network, drawn at {charts.shrink(now):.2g} times its length.")
    with right:
        st.markdown("**What it means:** the way from $x_t$ to $\\mathbb E[x_0\\mid x_t]$")
        page.plot(lambda: charts.meant(now, name, plane.axis(61), law), "meant")
        st.caption(f"The first {charts.PART:.0%} of the way. Whatever was asked for, these arrows stay.")
    apart = interpretations.disagreement(data, schedule, t)
    st.table(
        {
            "asked for": list(apart),
            "largest difference of the $\\hat x_0$ it means": [f"{value:.0e}" for value in apart.values()],
        },
        hide_index=True,
    )
    st.markdown("The mean of a reverse step can be written in any of them, too:")
    left, right = st.columns(2, gap="large", vertical_alignment="center")
    for column, form in zip((left, right), MEANS, strict=True):
        with column:
            page.formula(form)
    worst = interpretations.means_disagree(data, schedule, max(t - 0.01, 0.01), t)
    st.caption(f"From $t = {t:.2f}$ one hundredth down, the forms differ by at most {worst:.0e}.")

    st.subheader("Tweedie's formula", anchor=False)
    st.markdown(
        "The score is the slope of $\\log q(x_t)$, and so a property of the noisy data alone. Yet it knows where the "
        "clean data are, on average:"
    )
    page.formula(TWEEDIE)
    left, right = st.columns(2, gap="large")
    with left:
        shape = st.selectbox("Data on the line", mixtures.LINE, key="line", bind=page.LINK)
    with right:
        x_t = st.slider("The noisy point", -3.0, 3.0, 0.3, 0.05, key="x", bind=page.LINK)
    on_line, all_x0 = line(shape, schedule, t), interpretations.posterior(shape, schedule, t, x_t)
    columns = st.columns(3, gap="medium")
    with columns[0]:
        st.markdown("**The law of $x_t$ and its score**")
        page.plot(lambda: charts.score(on_line, x_t), "score")
    with columns[1]:
        st.markdown("**The mean of $x_0$ given $x_t$**")
        page.plot(lambda: charts.mean(on_line, x_t, all_x0.by_denoiser), "mean")
    with columns[2]:
        st.markdown("**All $x_0$ it may stand for**")
        page.plot(lambda: charts.posterior(all_x0, on_line), "posterior")
    with st.container(horizontal=True, gap="large"):
        st.metric("from the score (Tweedie)", f"{all_x0.by_tweedie:.5f}")
        st.metric("in closed form", f"{all_x0.by_denoiser:.5f}")
        st.metric("mean of the density", f"{all_x0.by_integral:.5f}")
    st.caption(
        "Three ways to one number. It is a mean: between two bumps it may lie where there are no data at all, and it "
        "is not the $x_0$ that $x_t$ came from, as the slides have it:"
    )
    st.page_link("views/errata.py", label="Erratum E7", icon=":material/edit_note:", query_params={"erratum": "E7"})

    st.subheader("What an error costs", anchor=False)
    st.markdown(
        "Perfect networks agree; real ones err. The same error of 1 in the answer is a different error of $x_0$ and of "
        "$\\epsilon$, depending on what was asked for: close to noise, $\\epsilon$ says nothing of $x_0$; close to the "
        "data, $x_0$ says nothing of $\\epsilon$. Only the velocities are harmless at both ends."
    )
    curves = interpretations.amplified(schedule)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**An error of 1 becomes, in $x_0$,**")
        page.plot(lambda: charts.amplified(curves, 0), "amplified-x0")
    with right:
        st.markdown("**and in $\\epsilon$**")
        page.plot(lambda: charts.amplified(curves, 1), "amplified-eps")
    st.markdown(
        "For the same reason a loss is only a weight over time: written for another answer it has another weight, and "
        "is the same loss."
    )
    left, right = st.columns(2, gap="large")
    with left:
        measured = st.pills(
            "Weights on the squared error of",
            interpretations.names(),
            default="eps",
            required=True,
            key="measured",
            bind=page.LINK,
        )
        page.plot(lambda: charts.weights(interpretations.loss_weights(schedule, measured), measured), "weights")
        st.caption("`simple` is the loss of DDPM, flat on $\\epsilon$; `variational` is the bound on $-\\log p(x)$.")
    with right:
        steps = st.select_slider("Steps T of the chain", (10, 100, 1000), 1000, key="steps", bind=page.LINK)
        page.plot(lambda: charts.step_weights(*interpretations.step_weights(schedule, steps)), "step-weights")
        st.caption("One KL of the bound, between posterior and reverse step, as three weighted errors:")
    page.formula(STEP)
