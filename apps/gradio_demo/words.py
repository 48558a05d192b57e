"""Where strangers' words meet the page: as text, whatever HTML or Markdown they hold."""

from __future__ import annotations

import re
from html import escape

MARKS = re.compile(r"[^\w\s.,;]|_")


def in_html(words: str) -> str:
    """Words for a place that reads HTML, outside an attribute."""
    return escape(words, quote=False)


def in_markdown(words: str) -> str:
    """Words for a place that reads Markdown, and HTML with it: every mark becomes a reference to its letter."""
    return MARKS.sub(lambda mark: f"&#{ord(mark[0])};", words)
