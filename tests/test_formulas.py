"""The documents are what their generator writes, and every row of the notes has its function and its tests."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COUNTS = {"P": 12, "L": 6, "F": 11, "R": 9, "O": 16, "N": 14}
NO_TEST = {"N13"}  # a paragraph
NO_FUNCTION = {"O7": "a test", "N9": "measured", "N12": "measured", "N13": "a paragraph", "N14": "measured"}

document = runpy.run_path(str(ROOT / "docs" / "write_formulas.py"))


@pytest.mark.parametrize("name", document["DOCUMENTS"])
def test_the_documents_are_up_to_date(name: str) -> None:
    assert (ROOT / "docs" / name).read_text() == document["DOCUMENTS"][name](), "run `make formulas`"


def test_every_row_is_defined_once_and_tested() -> None:
    sources = [p.read_text() for p in (ROOT / "packages").rglob("*.py")]
    tests = document["tests_by"]("row")
    for letter, count in COUNTS.items():
        for row in (f"{letter}{i}" for i in range(1, count + 1)):
            found = sum(len(re.findall(rf"\[{row}\]", source)) for source in sources)
            assert found == (0 if row in NO_FUNCTION else 1), f"[{row}] stands {found} times in packages/"
            assert row in tests or row in NO_TEST, f"no test carries the mark row({row!r})"


def test_marks_name_rows_that_exist() -> None:
    known = {f"{letter}{i}" for letter, count in COUNTS.items() for i in range(1, count + 1)}
    assert set(document["tests_by"]("row")) <= known


def test_every_erratum_has_its_line_and_marks_name_errata_that_exist() -> None:
    lines = re.findall(r"^\| (E\d+)(?: T)? \|", (ROOT / "docs" / "errata.md").read_text(), re.MULTILINE)
    assert lines == [f"E{i}" for i in range(28)]
    assert set(document["tests_by"]("erratum")) <= set(lines)
