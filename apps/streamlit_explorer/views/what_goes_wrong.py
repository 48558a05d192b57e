"""What goes wrong: a classic mistake, its samples, the curve that gives it away, and what the doctor says."""

from __future__ import annotations

import page
import streamlit as st
from figures import what_goes_wrong as charts

from pedesis.doctor import CATALOGUE
from pedesis.lessons import mixtures
from pedesis.lessons import what_goes_wrong as lesson


@st.cache_data(max_entries=64, show_spinner=False)
def wrong(name: str, data: str, seed: int) -> lesson.Wrong:
    return lesson.wrong(name, data, seed)


with page.lesson(
    "What goes wrong",
    "The loss falls, and the samples are noise, gray or all alike. Choose a **mistake** that was found in public code "
    "and see what it does; the denoiser here is exact, so one line is all that is wrong.",
    "pedesis.doctor:examine",
    "pedesis.lessons.what_goes_wrong:samples",
):
    with st.container(horizontal=True):
        names = list(lesson.wrongs())
        name = st.selectbox(
            "Mistake", names, names.index("noise-without-root"), key="mistake", bind=page.LINK, width=300
        )
        data = st.selectbox("Data", mixtures.PLANE, key="data", bind=page.LINK, width=200)
        seed = page.seed()
    now, entry = wrong(name, data, seed), CATALOGUE[name]
    st.markdown(f"**You see** {page.plain(entry.symptom)}. **The cause:** {page.plain(entry.cause)}.")
    st.code(f"{now.symbol} = {now.line}    # wrong\n{now.symbol} = {now.right_line}    # right", language="python")
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Samples**, from the same noise")
        page.plot(lambda: charts.samples(now), "samples")
        if charts.outside(now):
            st.caption(f"{charts.outside(now)} of {lesson.POINTS} points with the mistake are not in the picture.")
    with right:
        st.markdown("**The curve that gives it away**, step by step")
        page.plot(lambda: charts.factor(now), "factor")
    st.subheader("What the doctor says", anchor=False)
    st.markdown("From the function alone: it feeds unit inputs and reads the factors at every step.")
    st.code(now.said, language=None, wrap_lines=True)
    st.caption("Some mistakes leave the samples right to the eye. That is why the doctor looks at every step.")
