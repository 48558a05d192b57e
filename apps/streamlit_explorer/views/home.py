"""Home: what this is, and a card for each page."""

from __future__ import annotations

import page
import streamlit as st
from catalogue import SECTIONS

from pedesis.lessons import forward, pictures

st.title("Pedesis explorer", anchor=False)
st.markdown(
    "Diffusion models, from the formulas of the lecture notes to pictures. "
    "Every page shows one idea: a formula, a picture that answers to sliders, and the very code that computed it."
)

film = forward.show(forward.film(pictures.picture("cat"), "cosine", [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]))
with st.container(horizontal=True, gap="small"):
    for frame in film:
        page.picture(frame, None, "A cat that dissolves into noise", 104, 256)

for section, pages in SECTIONS.items():
    st.subheader(section, anchor=False)
    for start in range(0, len(pages), 3):
        for column, one in zip(st.columns(3), pages[start : start + 3], strict=False):
            with column, st.container(border=True, height="stretch"):
                st.page_link(one.file, label=f"**{one.title}**", icon=one.icon)
                st.markdown(one.about)
