"""Write docs/formulas.md from the docstrings of the library and the marks of the tests."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from pedesis.lessons.library import Entry, entries
from pedesis_zoo.tables import load_table, path_of

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


def tests_by_row() -> dict[str, list[str]]:
    """The tests that carry `@pytest.mark.row(ID)`, as "file::function"."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            for decorator in node.decorator_list if isinstance(node, ast.FunctionDef) else ():
                if re.fullmatch(r"pytest\.mark\.row\('\w+'\)", ast.unparse(decorator)):
                    row = ast.literal_eval(decorator.args[0])  # type: ignore[attr-defined]
                    found.setdefault(row, []).append(f"{path.relative_to(ROOT).as_posix()}::{node.name}")
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


def text() -> str:
    """The whole document."""
    by_row = {row: entry for entry in entries() for row in entry.rows}
    tests = tests_by_row()
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


if __name__ == "__main__":
    (ROOT / "docs" / "formulas.md").write_text(text())
