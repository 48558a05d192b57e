"""What goes wrong: a classic mistake, its samples, the curve that gives it away, and what the doctor says."""

from __future__ import annotations

from functools import partial

import page
import streamlit as st
from figures import what_goes_wrong as charts
from walks import load

from pedesis.doctor import CATALOGUE
from pedesis.lessons import mixtures
from pedesis.lessons import what_goes_wrong as lesson
from pedesis.lessons.denoising import sheet
from pedesis.utils.images import Pixels, to_pixels

MODEL, PICTURES = "fashion-mnist", 6


@st.cache_data(max_entries=64, show_spinner=False)
def wrong(name: str, data: str, seed: int) -> lesson.Wrong:
    return lesson.wrong(name, data, seed)


@st.cache_data(max_entries=64, show_spinner=False)
def pictures(name: str | None, seed: int) -> Pixels:
    """One picture of each of six classes, drawn right (no name) or with the mistake."""
    model = load(MODEL)
    wanted = model.condition(list(range(PICTURES)), PICTURES)
    return to_pixels(lesson.pictures(name, model.denoiser, model.empty(PICTURES), wanted, seed))


with page.lesson(
    "What goes wrong",
    "The loss falls, and the samples are noise, gray or all alike. Choose a **mistake** that was found in public code "
    "and see what it does; one line is all that is wrong, for in the plane the denoiser is exact.",
    "pedesis.doctor:examine",
    "pedesis.lessons.what_goes_wrong:samples",
    "pedesis.lessons.what_goes_wrong:pictures",
):
    with st.container(horizontal=True):
        names = list(lesson.wrongs())
        name = st.selectbox(
            "Mistake", names, names.index("noise-without-root"), key="mistake", bind=page.LINK, width=300
        )
        data = st.selectbox("Data", mixtures.PLANE, key="data", bind=page.LINK, width=200)
        seed = page.seed()
    entry = CATALOGUE[name]
    st.markdown(f"**You see** {page.plain(entry.symptom)}. **The cause:** {page.plain(entry.cause)}.")

    def in_the_plane() -> None:
        now = wrong(name, data, seed)
        st.code(
            f"{now.symbol} = {now.line}    # wrong\n{now.symbol} = {now.right_line}    # right",
            language="python",
            wrap_lines=True,
        )
        left, right = st.columns(2, gap="large")
        with left:
            st.markdown("**Samples**, from the same noise")
            page.plot(charts.samples(now), "samples")
            if charts.outside(now):
                st.caption(f"{charts.outside(now)} of {lesson.POINTS} points with the mistake are not in the picture.")
        with right:
            st.markdown("**The curve that gives it away**, step by step")
            page.plot(charts.factor(now), "factor")
        st.subheader("What the doctor says", anchor=False)
        st.markdown("From the function alone: it feeds unit inputs and reads the factors at every step.")
        st.code(now.said, language=None, wrap_lines=True)
        st.caption("Some mistakes leave the samples right to the eye. That is why the doctor looks at every step.")

    page.later(in_the_plane, "in the plane", height=40)
    st.subheader("The same line, on pictures", anchor=False)
    st.markdown(f"The model `{MODEL}`, {lesson.PICTURE_STEPS} steps, from the same noise.")
    sides = (("Right code", None), ("With the mistake", name))

    def drawn(title: str, wanted: str | None) -> None:
        page.picture(sheet(pictures(wanted, seed), PICTURES // 2), title, f"{title}: six pictures of clothes")

    for place, (title, wanted) in zip(st.columns(2, gap="large"), sides, strict=True):
        with place:
            page.later(partial(drawn, title, wanted), title)
