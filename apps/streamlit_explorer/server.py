"""The explorer's server: while it waits for its first visitor, it loads what the pages need.

    streamlit run apps/streamlit_explorer/server.py

`streamlit run app.py` serves the same pages; there the first visitor waits for torch.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Thread

import needed
import streamlit as st


def load() -> None:
    """What every page needs, then what some need."""
    needed.load()
    needed.load_more()


@asynccontextmanager
async def loading(_: st.App) -> AsyncIterator[None]:
    """Load in a thread of its own, so that the server answers at once."""
    Thread(target=load, daemon=True).start()
    yield


needed.head_start = 1.5
app = st.App("app.py", lifespan=loading)
