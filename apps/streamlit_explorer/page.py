"""The shape that all pages share.

    with page.lesson("Title", "Two sentences.", "pedesis.module:function", ...):
        page.formula("pedesis.module:function")
        ...  widgets, pictures, page.plot(figure, key)

A lesson opens with its title and two sentences and ends with the source of the library functions it names
and with links to their rows of the lecture notes. Widgets that make up a page's state are given
`key=..., bind=page.LINK`: then the address of the page carries them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import plotly.graph_objects as go
import streamlit as st
from figures import style

from pedesis.lessons import library

LINK: Literal["query-params"] = "query-params"
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@contextmanager
def lesson(title: str, text: str, *functions: str) -> Iterator[None]:
    """Title and two sentences before, source and links after what the page shows.

    Args:
        functions: the library functions that compute the page, as "module:name".
    """
    if st.session_state.get("lesson") != title:
        st.session_state.update(lesson=title, drawn=set())
    st.title(title, anchor=False)
    st.markdown(text)
    yield
    st.divider()
    code(functions)
    links(functions)


def formula(name: str, rows: bool = False) -> None:
    """The formula in the documentation of a library function; with `rows`, its parts below each other."""
    text = library.entry(name).formula
    parts = re.split(r",\\quad\s*", text)
    st.latex(r"\begin{gathered}" + r",\\[0.4em] ".join(parts) + r"\end{gathered}" if rows else text)


def plain(text: str) -> str:
    """Documentation as Markdown in which only `code` is markup."""
    return re.sub(r"(`[^`]*`)|([*~$<\[\]:])", lambda m: m[1] or f"\\{m[2]}", text)


def code(names: Sequence[str]) -> None:
    """An expander with the source of library functions, one tab for each."""
    with st.expander("Show the code", icon=":material/code:"):
        for tab, name in zip(st.tabs([name.partition(":")[2] for name in names]), names, strict=True):
            with tab:
                entry = library.entry(name)
                st.caption(entry.place)
                st.code(entry.code, language="python", wrap_lines=True)


def links(names: Sequence[str]) -> None:
    """Links from library functions to their rows of the lecture notes, and the places in the notes."""
    entries = [entry for entry in map(library.entry, names) if entry.rows]
    if entries:
        st.markdown("**In the lecture notes**")
    for entry in entries:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            for row in entry.rows:
                st.page_link(
                    "views/formulas.py",
                    label=f"Row {row}",
                    icon=":material/function:",
                    query_params={"row": row},
                    help=f"docs/formulas.md#{row.lower()}",
                )
            st.caption(plain(entry.notes))


def power(value: float) -> str:
    """A number that may be tiny, so that it fits a narrow place: 0.326, 2.9·10⁻⁵."""
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{value:.3f}" if value >= 0.001 or value == 0 else f"{mantissa}·10{str(int(exponent)).translate(RAISED)}"


def plot(figure: go.Figure | Callable[[], go.Figure], key: str) -> None:
    """A chart with its picture (the camera button, PNG or SVG as chosen) and its numbers (CSV) to take away.

    Args:
        figure: or a function that makes it: it is called while a skeleton holds the place, the first time.
    """
    place, drawn = st.empty(), st.session_state.setdefault("drawn", set())
    if callable(figure):
        if key not in drawn:
            place.html(f'<div class="skeleton" role="status" aria-label="{key} is being computed"></div>')
        figure = figure()
    drawn.add(key)
    chart = style.with_signs(figure)
    save_as = str(st.session_state.get("save_as") or "PNG").lower()
    place.plotly_chart(
        chart,
        key=key,
        config={
            "displaylogo": False,
            "toImageButtonOptions": {"format": save_as, "filename": f"pedesis-{key}", "scale": 2},
            "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
        },
    )
    st.download_button(
        "CSV",
        lambda: style.csv(chart),  # written when it is asked for
        file_name=f"pedesis-{key}.csv",
        mime="text/csv",
        key=f"{key}-csv",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
        help="The numbers of this plot: one row per point.",
    )
