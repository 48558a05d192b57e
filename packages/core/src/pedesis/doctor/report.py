"""What the doctor found, sentences first: as text, as a table in a notebook, as JSON, as a failing test."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

LEVELS = ("error", "warning", "question", "note")
"""From worst to harmless; a note is no finding: it says how a function was understood."""


class FindingsError(AssertionError):
    """Raised by `Report.raise_for_findings`; its message is the report."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, in one sentence.

    Attributes:
        subject: what was examined: "q_sample", "step", "loss", ...
        message: the sentence.
        entry: the name of the entry of the catalogue that it is, or None for a fault that has no name there.
        level: one of `LEVELS`.
        t: the step (1..T, 1 next to the data) at which it is clearest; role: which input's factor is wrong there;
            got, expected: that factor. None where they say nothing.
        wrong, right: the two expressions, side by side.
        cause, symptom, source: from the catalogue.
    """

    subject: str
    message: str
    entry: str | None = None
    level: str = "error"
    t: int | None = None
    role: str | None = None
    got: float | None = None
    expected: float | None = None
    wrong: str = ""
    right: str = ""
    cause: str = ""
    symptom: str = ""
    source: str = ""

    def lines(self) -> list[str]:
        """The finding as text, the sentence first."""
        more = [
            f"you have   {self.wrong}" if self.wrong else "",
            f"right is   {self.right}" if self.right else "",
            f"you see    {self.symptom}" if self.symptom else "",
            f"source     {self.source}" if self.source else "",
        ]
        title = f"[{self.entry}] " if self.entry else ""
        return [f"{title}{self.message}", *(f"    {line}" for line in more if line)]


@dataclass(frozen=True)
class Report:
    """All findings, the worst first.

    Attributes:
        examined: what was given. entries: findings and notes, in order.
    """

    examined: tuple[str, ...]
    entries: tuple[Finding, ...]

    @classmethod
    def of(cls, examined: Sequence[str], entries: Sequence[Finding]) -> Report:
        """Sorted: by level, named before unnamed, else as found."""
        ordered = sorted(entries, key=lambda e: (LEVELS.index(e.level), e.entry is None))
        return cls(tuple(examined), tuple(ordered))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that is not a note."""
        return tuple(entry for entry in self.entries if entry.level != "note")

    @property
    def notes(self) -> tuple[Finding, ...]:
        """How the functions were understood."""
        return tuple(entry for entry in self.entries if entry.level == "note")

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def names(self) -> tuple[str | None, ...]:
        """The names of the findings, in order."""
        return tuple(finding.entry for finding in self.findings)

    def __str__(self) -> str:
        found = "nothing wrong" if self.ok else plural(len(self.findings), "finding")
        rows = [f"Examined: {', '.join(self.examined) or 'nothing'}. {found.capitalize()}."]
        for entry in self.entries:
            first, *rest = entry.lines()
            rows += [f"  {entry.level:<9}{entry.subject:<10}{first}", *(f"{'':21}{line}" for line in rest)]
        return "\n".join(rows)

    def _repr_html_(self) -> str:
        """A table; every word is escaped, since names and messages may be a stranger's."""
        rows = []
        for entry in self.entries:
            first, *rest = (html.escape(line) for line in entry.lines())
            said = f"{first}<br><code>{'<br>'.join(line.strip() for line in rest)}</code>" if rest else first
            rows.append(
                f"<tr><td>{html.escape(entry.level)}</td><td>{html.escape(entry.subject)}</td><td>{said}</td></tr>"
            )
        title = html.escape(str(self).splitlines()[0])
        head = "<tr><th>level</th><th>where</th><th>what</th></tr>"
        return f"<table><caption>{title}</caption>{head}{''.join(rows)}</table>"

    def to_json(self) -> str:
        """The report as JSON; numbers that are not finite become null."""
        entries = [{k: _plain(v) for k, v in asdict(entry).items()} for entry in self.entries]
        return json.dumps({"ok": self.ok, "examined": list(self.examined), "entries": entries}, indent=2)

    def raise_for_findings(self) -> None:
        """For a test suite. Raises FindingsError, with the report as its message, unless `ok`."""
        if not self.ok:
            raise FindingsError(str(self))


def _plain(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def plural(count: int, noun: str) -> str:
    """`1 finding`, `2 findings`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
