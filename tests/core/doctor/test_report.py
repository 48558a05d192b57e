"""A report as text, as a table, as JSON and as a test."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest

from pedesis import doctor
from pedesis.doctor import Finding, FindingsError, Report


def report() -> Report:
    return Report.of(
        ["step"],
        [
            Finding("step", "a note", level="note"),
            Finding("step", "unnamed <script>alert(1)</script>", got=float("nan")),
            Finding("step", "named", "noise-without-root", wrong="std = a < b", right="std = sqrt(a)"),
            Finding("step", "which?", level="question"),
        ],
    )


def test_order_is_by_weight_and_named_first() -> None:
    assert [entry.message for entry in report().entries] == [
        "named",
        "unnamed <script>alert(1)</script>",
        "which?",
        "a note",
    ]
    assert report().names == ("noise-without-root", None, None) and not report().ok


def test_text_has_both_expressions_side_by_side() -> None:
    lines = str(report()).splitlines()
    assert lines[0] == "Examined: step. 3 findings."
    at = next(i for i, line in enumerate(lines) if "you have   std = a < b" in line)
    assert "right is   std = sqrt(a)" in lines[at + 1]


def test_a_stranger_s_words_are_escaped_in_the_table() -> None:
    class Tags(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.seen: set[str] = set()

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            self.seen.add(tag)

    parser = Tags()
    parser.feed(report()._repr_html_())
    assert parser.seen == {"table", "caption", "tr", "th", "td", "br", "code"}


def test_json_is_plain() -> None:
    plain = json.loads(report().to_json(), parse_constant=lambda name: pytest.fail(name))
    assert plain["ok"] is False and plain["entries"][0]["entry"] == "noise-without-root"
    assert plain["entries"][1]["got"] is None


def test_findings_fail_a_test_suite() -> None:
    with pytest.raises(FindingsError, match="named"):
        report().raise_for_findings()
    Report.of(["step"], [Finding("step", "fine", level="note")]).raise_for_findings()


def test_nothing_given_is_nothing_examined() -> None:
    assert str(doctor.examine()) == "Examined: nothing. Nothing wrong."
