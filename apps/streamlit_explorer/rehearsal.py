"""The server opens every page once itself, so that nobody waits for what a page computes with its first settings.

A page is a script. Run where no visitor is, its widgets answer with their defaults and nothing is sent; but what it
computes is kept for everybody, as after a visit (`st.cache_data`, `st.cache_resource`).
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from pathlib import Path
from threading import Thread

import needed
from catalogue import SECTIONS

QUIET = 5.0
"""Seconds after a visitor's last request before the next page is opened: visitors come first."""

_HERE = Path(__file__).parent
_COMPLAINS = "streamlit.runtime.scriptrunner_utils.script_run_context"  # that there is no visitor


def page(file: str) -> None:
    """Run the script of a page. What fails, fails again before the first visitor, who is told."""
    path = _HERE / file
    with suppress(Exception):
        exec(compile(path.read_text(), str(path), "exec"), {"__name__": "__main__", "__file__": str(path)})


def pages() -> None:
    """Run all pages, in the order of the menu, one after the other while no visitor asks for anything."""
    for section in SECTIONS.values():
        for one in section:
            while (wait := needed.last_visit + QUIET - time.monotonic()) > 0:
                time.sleep(wait)
            page(one.file)


def everything() -> None:
    """Import what the pages need, then run them."""
    needed.load()
    needed.load_more()
    pages()


def thread() -> Thread:
    """The thread for `everything`; Streamlit is not to complain of it."""
    made = Thread(target=everything, name="rehearsal", daemon=True)
    logging.getLogger(_COMPLAINS).addFilter(lambda record: record.threadName != made.name)
    return made
