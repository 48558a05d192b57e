"""The shape that all pages share.

    with page.lesson("Title", "Two sentences.", "pedesis.module:function", ...):
        page.formula("pedesis.module:function")
        ...  widgets, pictures, page.plot(figure, key)

A lesson opens with its title and two sentences and ends with the source of the library functions it names
and with links to their rows of the lecture notes. Widgets that make up a page's state are given
`key=..., bind=page.LINK`: then the address of the page carries them. What takes time is drawn `later`, when the
whole page stands: until then a skeleton holds its place, and no widget waits for a computation.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import needed
import plotly.graph_objects as go
import streamlit as st
from figures import style
from streamlit.delta_generator import DeltaGenerator

from pedesis.lessons import library, pictures, schedules

LINK: Literal["query-params"] = "query-params"
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Mistake(ValueError):
    """What a user asked wrongly, in one sentence: it is shown, and what needs it ends there."""


@contextmanager
def mistakes() -> Iterator[None]:
    """Show what was asked wrongly, where it was asked."""
    try:
        yield
    except Mistake as mistake:
        st.error(str(mistake), icon=":material/error:")


@contextmanager
def lesson(title: str, text: str, *functions: str) -> Iterator[None]:
    """Title and two sentences before, source and links after what the page shows.

    Args:
        functions: the library functions that compute the page, as "module:name".
    """
    if st.session_state.get("lesson") != title:
        st.session_state.update(lesson=title, drawn=set())
    waiting: list[Callable[[], None]] = []
    st.session_state["waiting"] = waiting
    st.title(title, anchor=False)
    st.markdown(text)
    with mistakes():
        yield
    st.divider()
    code(functions)
    links(functions)
    st.session_state["waiting"] = None
    for draw in waiting:
        draw()
        head_start()


def formula(name: str, rows: bool = False) -> None:
    """The formula in the documentation of a library function; with `rows`, its parts below each other."""
    text = library.entry(name).formula
    parts = re.split(r",\\quad\s*", text)
    st.latex(r"\begin{gathered}" + r",\\[0.4em] ".join(parts) + r"\end{gathered}" if rows else text)


def plain(text: str) -> str:
    """Documentation as Markdown in which only `code` is markup."""
    return re.sub(r"(`[^`]*`)|([*~$<\[\]:])", lambda m: m[1] or f"\\{m[2]}", text)


@st.fragment
def code(names: Sequence[str]) -> None:
    """An expander with the source of library functions, one tab for each.

    It is sent when the expander is opened: to color it takes a browser half a second, and a plot would wait for it.
    """
    place = st.expander("Show the code", icon=":material/code:", key=f"code of {names[0]}", on_change="rerun")
    if not place.open:
        return
    with place:
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


def more() -> DeltaGenerator:
    """A place for what few will change: `with page.more(): ...`; the page keeps one thing to pull."""
    return st.popover("More", icon=":material/tune:")


def seed(label: str = "Seed of the noise", width: int = 150, note: str | None = None) -> int:
    """The seed of a page; the same seed gives the same page."""
    return int(st.number_input(label, 0, 2**31 - 1, 0, key="seed", bind=LINK, width=width, help=note))


def schedule(usual: str | None = None, width: int | Literal["stretch"] = "stretch", note: str | None = None) -> str:
    """The schedule of a page, out of all that are registered."""
    names = schedules.names()
    index = 0 if usual is None else names.index(usual)
    return str(st.selectbox("Schedule", names, index, key="schedule", bind=LINK, width=width, help=note))


def picture(
    pixels: pictures.Pixels, caption: str | None, alt: str, width: int | Literal["stretch"] = "stretch", side: int = 512
) -> None:
    """A picture that is sharp at any size, its pixels repeated until it is `side` wide."""
    st.image(pictures.magnified(pixels, side), caption=caption, width=width, alt=alt)


def later(draw: Callable[[], None], key: str, height: int = 22) -> None:
    """Something that takes time: the first time it is drawn at the end of the lesson, and a skeleton holds its place.

    Args:
        draw: calls of Streamlit; what it uses must not change until the end of the lesson.
        height: of the skeleton, in lines.
    """
    drawn, waiting = st.session_state.setdefault("drawn", set()), st.session_state.get("waiting")
    if key in drawn or waiting is None:
        with st.container():
            draw()
    else:
        place = st.empty()
        place.html(needed.skeleton(height))

        def fill() -> None:
            with place.container(), mistakes():
                draw()
            drawn.add(key)

        waiting.append(fill)


def plot(figure: go.Figure | Callable[[], go.Figure], key: str) -> None:
    """A chart with its picture (the camera button, PNG or SVG as chosen) and its numbers (CSV) to take away.

    Args:
        figure: or a function that makes it, to be drawn `later`.
    """
    if callable(figure):
        later(lambda: _draw(figure(), key), key)
    else:
        with st.container():
            _draw(figure, key)
        head_start()


def head_start() -> None:
    """Let a visitor's browser draw the first picture before anything else comes."""
    if not st.session_state.setdefault("has a picture", False):
        st.session_state["has a picture"] = True
        time.sleep(needed.head_start)


def _draw(figure: go.Figure, key: str) -> None:
    style.with_signs(figure)
    save_as = str(st.session_state.get("save_as") or "PNG").lower()
    st.plotly_chart(
        figure,
        key=key,
        config={
            "displaylogo": False,
            "toImageButtonOptions": {"format": save_as, "filename": f"pedesis-{key}", "scale": 2},
            "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
        },
    )
    st.download_button(
        "CSV",
        lambda: style.csv(figure),  # written when it is asked for
        file_name=f"pedesis-{key}.csv",
        mime="text/csv",
        key=f"{key}-csv",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
        help="The numbers of this plot: one row per point.",
    )
