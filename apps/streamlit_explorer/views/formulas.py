"""Every row of the lecture notes that the library builds, read from the library's own documentation."""

from __future__ import annotations

import page
import streamlit as st

from pedesis.lessons import library

ALL = "all"

st.title("Formulas", anchor=False)
st.markdown(
    "Every formula of the lecture notes is one function of the library. "
    "This list is read from the functions themselves: the row, the formula, where the notes give it, and the source."
)

entries = library.entries()
rows = list(dict.fromkeys(row for entry in entries for row in entry.rows))
row = st.selectbox("Row", [ALL, *rows], key="row", bind=page.LINK, width=200)

for entry in entries:
    if row in (ALL, *entry.rows):
        with st.container(border=True):
            st.markdown(f"**{', '.join(entry.rows)}** · `{entry.name.replace(':', '.')}`")
            st.markdown(page.plain(entry.summary))
            if entry.formula:
                st.latex(entry.formula)
            if entry.notes:
                st.caption(f"Lecture notes and papers: {page.plain(entry.notes)}")
            page.code([entry.name])
