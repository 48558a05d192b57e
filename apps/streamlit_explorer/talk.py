"""The pages as a talk: one after the other, in larger type, each with a hint of what to try.

What a slide shows is in its address, as everywhere: a link to a page with its settings and `talk=true` is a slide.
"""

from __future__ import annotations

import streamlit as st
from catalogue import SECTIONS, Page

PAGES = [one for section in SECTIONS.values() for one in section]
LARGER = """<style>
html { font-size: 125%; }
[data-testid="stMainBlockContainer"] { max-width: 100%; padding-top: 3.5rem; }
</style>"""


def switch() -> bool:
    """Whether the pages are shown as a talk: a switch for the sidebar."""
    return st.toggle(
        "As a talk",
        key="talk",
        bind="query-params",
        help="Larger type, the next and the previous page, and what to try. The address of a slide keeps its settings.",
    )


def around(view: str) -> tuple[Page | None, Page | None]:
    """The pages before and after one, in the order of the catalogue; the home page is before all."""
    views = [one.view for one in PAGES]
    at = views.index(view) if view in views else -1
    return (PAGES[at - 1] if at > 0 else None), (PAGES[at + 1] if at + 1 < len(PAGES) else None)


def bar(view: str) -> None:
    """Links to the page before and after, where we are, and what to try."""
    st.html(LARGER)
    before, after = around(view)
    here = next((i for i, one in enumerate(PAGES, 1) if one.view == view), 0)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="talk-bar"):
        for one, icon in ((before, ":material/arrow_back:"), (after, ":material/arrow_forward:")):
            if one is None:
                st.empty()  # in place of the link of the last page, which would stay until this one is drawn
            else:
                st.page_link(one.file, label=one.title, icon=icon, query_params={"talk": "true"})
            if one is before:
                st.caption(f"{here} of {len(PAGES)}" if here else f"{len(PAGES)} pages", width="content")
    if here and PAGES[here - 1].hint:
        st.info(f"**Try:** {PAGES[here - 1].hint}", icon=":material/lightbulb:")
