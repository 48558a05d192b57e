"""Guidance on two classes in the plane: scores add up, densities sharpen, samples drift."""

from __future__ import annotations

import page
import plotly.graph_objects as go
import streamlit as st
from figures import guidance as charts

from pedesis.lessons import guidance

FREE, CLASSIFIER = (
    "pedesis.guidance.classifier_free:ClassifierFreeGuidance",
    "pedesis.guidance.classifier_guidance:ClassifierGuidance",
)


@st.cache_data(max_entries=128, show_spinner=False)
def sweep(label: int, first: float, last: float, seed: int) -> guidance.Sweep:
    """Samples under every scale."""
    return guidance.sweep(label, first, last, seed)


@st.cache_data(max_entries=128, show_spinner=False)
def auto_sweep(label: int, blur: float, seed: int) -> guidance.Sweep:
    """Samples under every scale of autoguidance."""
    return guidance.auto_sweep(label, blur, seed)


@st.cache_data(max_entries=128, show_spinner=False)
def classifiers_agree(label: int, scale: float, seed: int) -> tuple[float, float]:
    """Classifier guidance against classifier-free guidance."""
    return guidance.classifiers_agree(label, scale, seed)


with page.lesson(
    "Guidance",
    "A model that can draw a class can be asked to draw it more clearly: guidance looks where the class and everything "
    "else differ, and multiplies that difference by a **scale** $\\gamma$. Here both classes are Gaussians in the "
    "plane and all scores are exact, so one sees what this buys, and what it costs.",
    FREE,
    CLASSIFIER,
    "pedesis.guidance.interval:GuidanceInterval",
    "pedesis.guidance.autoguidance:AutoGuidance",
    "pedesis.lessons.guidance:sweep",
):
    page.formula(FREE)
    st.caption(
        "Scale 0 ignores the class, 1 the class as it is, more is stronger. Papers that write $w$ mean $\\gamma - 1$."
    )
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        name = st.segmented_control(
            "Class", guidance.CLASSES, default=guidance.CLASSES[0], required=True, key="class", bind=page.LINK
        )
        with page.more():
            seed = page.seed()
    label = guidance.CLASSES.index(name)
    left, right = st.columns(2, gap="large")
    with left:
        scale = st.slider("Guidance scale $\\gamma$", 0.0, 8.0, 2.0, 0.5, key="scale", bind=page.LINK)
    with right:
        t = st.slider("Time t of the scores", 0.02, 1.0, 0.3, 0.02, key="t", bind=page.LINK)

    st.subheader("Scores add up, densities multiply", anchor=False)
    at_t = guidance.densities(label, scale, t)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(r"$\nabla\log p(x_t) + \gamma\,\nabla\log p(y\mid x_t)$, tip to tail, times $\sigma_t$")
        page.plot(lambda: charts.scores(guidance.scores(label, scale, t), at_t), "scores")
    with right:
        st.markdown(r"$\propto p(x_t)\,p(y\mid x_t)^\gamma$ (tint); the class itself (lines)")
        page.plot(lambda: charts.densities(at_t), "densities")
    st.caption(
        "The push is strong where the other class is likely, and fades deep inside the wanted one. A larger scale cuts "
        "away what the classes share and moves the rest outwards."
    )

    st.subheader("Accuracy against diversity", anchor=False)
    st.markdown(
        "Now walk from noise to data along the guided scores. Press Play to turn the scale up from 0 to 8, with the "
        "same noise each time: gray lines lead from where a sample lies without guidance ($\\gamma = 1$) to where it "
        "is moved, ever further out. (Not even the guided density at $t = 0$ is where they end: the guided densities "
        "at different times do not belong to one forward process, so no walk along their scores ends in any of them.)"
    )
    first, last = st.slider(
        "Guide only between these times", 0.0, 1.0, (0.0, 1.0), 0.05, key="interval", bind=page.LINK,
        help="Outside, the class acts as it is (scale 1).",
    )  # fmt: skip
    if first == last:
        st.info("Between two equal times there is nothing to guide; open the interval. Here guidance acts everywhere.")
        first, last = 0.0, 1.0

    def ways() -> dict[str, guidance.Sweep]:
        found = {"everywhere": sweep(label, 0.0, 1.0, seed)}
        if (first, last) != (0, 1):
            found[f"only {first:g} to {last:g}"] = sweep(label, first, last, seed)
        return found

    def bought() -> None:
        chosen = sweep(label, first, last, seed)
        with st.container(horizontal=True, gap="medium"):
            st.metric("accuracy", f"{chosen.accuracy[now]:.3f}", help="Mean of p(y | x) over the samples.")
            st.metric(
                "recall",
                f"{chosen.recall[now]:.2f}",
                help=f"Share of draws of the class that have a sample within {guidance.REACH}: its diversity.",
            )
            st.metric("distance", f"{chosen.distance[now]:.3f}", help="Sliced Wasserstein, from the class.")

    now, data = guidance.SCALES.index(scale), guidance.densities(label, scale, 0)
    left, right = st.columns([3, 2], gap="large")
    with left:
        page.plot(lambda: charts.samples(sweep(label, first, last, seed), data.x, data.mine, scale), "samples")
    with right:
        page.later(bought, "bought", height=5)
        page.plot(lambda: charts.trade(ways(), scale), "trade")
        page.plot(lambda: charts.distances(ways(), scale), "distances")
    st.caption(
        "Guidance buys accuracy with diversity: the part of the class that lies among the other one is dropped first. "
        "Most of the drift comes from the noisy times. Leave them out, and guide only between 0 and 0.3: at the same "
        "accuracy the samples stay much closer to the class."
    )

    st.subheader("With a classifier, or without", anchor=False)
    st.markdown(
        "The push $\\nabla\\log p(y\\mid x_t)$ is the gradient of a classifier that knows noisy data. By Bayes' rule "
        "it is also the conditional score minus the unconditional one, which needs no classifier: with exact models "
        "the two are the same thing, and they agree to the last digits of double precision."
    )
    page.formula(CLASSIFIER)

    def agree() -> None:
        apart, ends = classifiers_agree(label, scale, seed)
        with st.container(horizontal=True, gap="large"):
            st.metric("largest difference of the noise estimates", f"{apart:.0e}")
            st.metric("largest difference of the samples", f"{ends:.0e}")

    page.later(agree, "agree", height=5)

    st.subheader("Autoguidance: away from a worse model", anchor=False)
    st.markdown(
        "Guidance needs no other class. Take an imperfect model of the data (its Gaussians are too wide) and a worse "
        "one with the same fault (wider still): what leads from the worse to the better leads on, to the truth."
    )
    st.latex(
        r"\hat x_0 = \hat x_0^{\,\mathrm{worse}} + \gamma\,(\hat x_0^{\,\mathrm{model}} - \hat x_0^{\,\mathrm{worse}})"
    )
    blur = st.slider(
        f"Width added to the Gaussians of the worse model (to those of the model: {guidance.MODEL_BLUR})",
        0.4,
        1.0,
        0.6,
        0.05,
        key="blur",
        bind=page.LINK,
    )

    def repaired() -> go.Figure:
        samples = auto_sweep(label, blur, seed).samples
        return charts.repaired(samples[guidance.SCALES.index(1.0)], samples[now], data.x, data.mine)

    def both() -> dict[str, guidance.Sweep]:
        return {"guided by the class": ways()["everywhere"], "autoguidance": auto_sweep(label, blur, seed)}

    left, right = st.columns(2, gap="large")
    with left:
        page.plot(repaired, "repaired")
    with right:
        page.plot(lambda: charts.distances(both(), scale), "auto-distances")
        st.caption(
            "Class guidance of an exact model can only lead away from the class: its best scale is 1. Autoguidance of "
            "an imperfect model has its best scale above 1, and goes too far beyond it."
        )
