"""What the lecture notes print, what is right, and pictures that show it."""

from __future__ import annotations

import page
import streamlit as st
from figures import errata as charts

from pedesis.lessons import errata, evidence


@st.cache_data(show_spinner=False)
def shown(name: str) -> evidence.Evidence | None:
    """The picture of an erratum, if it has one."""
    return evidence.evidence(name)


def texts(erratum: errata.Erratum) -> None:
    """What is printed, what is right, and why."""
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(f":red[**As printed**]\n\n{erratum.printed}")
    with right:
        st.markdown(f":green[**Correct**]\n\n{erratum.correct}")
    st.caption(erratum.why)


st.title("Errata", anchor=False)
st.markdown(
    f"The five lecture notes contain {len(errata.ERRATA)} errors of sign, symbol or reference; the library follows the "
    "corrected forms. Where an error is one of numbers, the picture shows the quantity as printed, as corrected, and "
    "as it really is, by a simulation or by an independent formula."
)

names = [erratum.id for erratum in errata.ERRATA]
name = st.selectbox("Erratum", names, names.index("E4"), key="erratum", bind=page.LINK, width=200)
st.caption(f"With a picture: {', '.join(evidence.EVIDENCE)}.")
chosen, picture = errata.erratum(name), shown(name)
st.subheader(f"{chosen.id} · {chosen.where}", anchor=False)
texts(chosen)
if picture is None:
    st.info("A matter of words: there is no number to show.")
else:
    page.plot(charts.compared(picture), "evidence")
    st.caption(picture.says)
    page.code(picture.functions)
    page.links(picture.functions)

st.divider()
st.subheader("All errata", anchor=False)
st.caption(
    "$a_t = 1-\\beta_t$ is the factor of one step, $\\bar a_t$ the product of all up to $t$, $\\tilde\\beta_t$ the "
    "variance of $q(x_{t-1}\\mid x_t,x_0)$."
)
for erratum in errata.ERRATA:
    with st.container(border=True):
        st.markdown(f"**{erratum.id}** · {erratum.where}")
        texts(erratum)
st.markdown(f"Also: {errata.ALSO}")
