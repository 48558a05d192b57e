"""The explorer's server: while it waits for its first visitor, it loads what the pages need and opens each once.

    streamlit run apps/streamlit_explorer/server.py

`streamlit run app.py` serves the same pages; there the first visitor waits for torch.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import needed
import rehearsal
import streamlit as st


@asynccontextmanager
async def loading(_: st.App) -> AsyncIterator[None]:
    """In a thread of its own, so that the server answers at once."""
    rehearsal.thread().start()
    yield


needed.head_start = 2.0
app = st.App("app.py", lifespan=loading)
