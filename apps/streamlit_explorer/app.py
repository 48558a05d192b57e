"""The explorer: the lecture notes, alive.  `streamlit run apps/streamlit_explorer/server.py`"""

from __future__ import annotations

import time
from pathlib import Path

import needed
import streamlit as st
import talk
from catalogue import SECTIONS

needed.last_visit = time.monotonic()

# A picture of our own: the browser would fetch a ":material/...:" icon of the tab from the internet.
ICON = Path(__file__).with_name("icon.png").read_bytes()
st.set_page_config(page_title="Pedesis explorer", page_icon=ICON, layout="wide")

# Long formulas go on in another line, after = or +; what cannot be broken is pulled sideways.
st.html(
    "<style>.katex-display { overflow-x: auto; overflow-y: hidden; }"
    ".stMarkdown .katex-display > .katex { white-space: normal; line-height: 1.9; }"
    ".skeleton { border-radius: 0.6rem; background: #8a879926; animation: breathe 1.6s infinite; }"
    ".st-key-live [data-stale] { opacity: 1 !important; }"  # what is drawn anew all the time does not fade
    "@keyframes breathe { 50% { opacity: 0.4; } }"
    "@media (max-width: 640px) { .katex-display { font-size: 0.8em; } .stHorizontalBlock { row-gap: 1rem; } }</style>"
)

home = st.Page("views/home.py", title="Home", icon=":material/grain:", default=True)
lessons = {
    section: [st.Page(one.file, title=one.title, icon=one.icon, url_path=one.view) for one in pages]
    for section, pages in SECTIONS.items()
}
current = st.navigation({"Pedesis": [home], **lessons}, expanded=True)

with st.sidebar:
    as_talk = talk.switch()
    st.segmented_control(
        "Plots are saved as",
        ["PNG", "SVG"],
        default="PNG",
        required=True,
        key="save_as",
        help="What the camera button of a plot writes. The numbers behind a plot are in the CSV file below it.",
    )

if as_talk:
    talk.bar(current.url_path)
opening = st.empty()
if not needed.loaded():
    opening.html(needed.skeleton())
    needed.load()
    opening.empty()
current.run()
