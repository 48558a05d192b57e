"""Write docs/formulas.md and docs/errata.md from the library and the marks of the tests."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from pedesis.lessons.errata import ALSO, ERRATA
from pedesis.lessons.library import Entry, entries
from pedesis_zoo.models.measurements import load_table, path_of

ROOT = Path(__file__).parents[1]
GROUPS = {
    "P": "Physics",
    "L": "Latent-variable background",
    "F": "Forward process",
    "R": "Reverse conditionals",
    "O": "Model and objective",
    "N": "Enhancements and conditioning",
}


REMARKS = {
    "O7": "A test (the notes make a remark here, not a formula).",
    "N13": "The latents of a diffusion model have the dimension of the data, and no axis of them means anything: "
    "x_1 is noise, and the invertible map of DDIM from noise to picture was never asked for more. A variational "
    "autoencoder has a small latent space that its encoder learns, and pays with the gap of its bound. Latent "
    "diffusion takes both: an autoencoder first, then a diffusion model of its latents, whose own latents are as large "
    'as its input, now small. Source: 001, "Takeaway notes".',
}
MEASURED = {
    "N9": ("conditioning", "Is a condition ignored without guidance? Class accuracy at scale 1 and 2, same seeds."),
    "N12": ("guidance", "Fidelity against diversity over the scale, for every kind of guidance."),
    "N14": ("evaluations", "Quality against the number of network evaluations a picture, for every sampler."),
}
"""Rows that are measured on the model `fashion-mnist`: the curve, and what it answers."""


def remark(row: str) -> str:
    """What is said of a row that is no function."""
    if row not in MEASURED:
        return REMARKS[row]
    curve, question = MEASURED[row]
    path = path_of("fashion-mnist", curve).relative_to(ROOT).as_posix()
    return f"{question} Measured: [numbers](../{path}), by `{load_table('fashion-mnist', curve).command}`."


def tests_by(mark: str) -> dict[str, list[str]]:
    """The tests that carry `@pytest.mark.<mark>(ID)`, by ID, as "file::function"."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            for decorator in node.decorator_list if isinstance(node, ast.FunctionDef) else ():
                if re.fullmatch(rf"pytest\.mark\.{mark}\('\w+'\)", ast.unparse(decorator)):
                    name = ast.literal_eval(decorator.args[0])  # type: ignore[attr-defined]
                    found.setdefault(name, []).append(f"{path.relative_to(ROOT).as_posix()}::{node.name}")
    return found


def section(row: str, defined: Entry | None, tests: list[str]) -> str:
    """One row: what it is, its formula, where it stands, what proves it."""
    lines = [f'### <a id="{row.lower()}"></a>{row}', ""]
    if defined is None:
        lines += [remark(row), ""]
    else:
        module, _, name = defined.name.partition(":")
        lines += [defined.summary, "", f"$${defined.formula}$$", ""]
        lines += [f"- function: `{module}.{name}`", f"- source: {defined.notes}"]
    lines += [f"- test: `{test}`" for test in tests]
    return "\n".join(lines)


def formulas() -> str:
    """The document of formulas."""
    by_row = {row: entry for entry in entries() for row in entry.rows}
    tests = tests_by("row")
    rows = sorted(
        by_row.keys() | tests.keys() | REMARKS.keys() | MEASURED.keys(),
        key=lambda row: (list(GROUPS).index(row[0]), int(row[1:])),
    )
    parts = [
        "# Formulas",
        "Every formula of the lecture notes that the library builds: the function, its source in the notes, and the "
        "tests that would fail if it were wrong. Written by `make formulas`; do not edit.",
    ]
    for letter, title in GROUPS.items():
        parts.append(f"## {title}")
        parts += [section(row, by_row.get(row), tests.get(row, [])) for row in rows if row[0] == letter]
    return "\n\n".join(parts) + "\n"


def errata() -> str:
    """The document of errata: a T marks those with a test."""
    tested = tests_by("erratum")
    head = ("id", "where", "as printed", "correct", "why")
    rows = [(f"{e.id}{' T' * (e.id in tested)}", e.where, e.printed, e.correct, e.why) for e in ERRATA]
    lines = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
    return (
        "# Errata of the lecture notes\n\n"
        "What the five documents print, what is right, and why. The code follows the right-hand side. Errata marked T "
        "have a test\n(`pytest tests -k errat`, mark `erratum`) in which the printed form fails and the corrected one "
        "holds. Notation: $\\beta_t$, per step\n$a_t = 1-\\beta_t$, cumulative $\\bar a_t$, $\\tilde\\beta_t$ the "
        "variance of $q(x_{t-1}\\mid x_t,x_0)$. Written by `make formulas`; do not edit.\n\n"
        f"{chr(10).join(lines)}\n\nAlso: {ALSO}\n"
    )


DOCUMENTS = {"formulas.md": formulas, "errata.md": errata}

if __name__ == "__main__":
    for name, write in DOCUMENTS.items():
        (ROOT / "docs" / name).write_text(write())
