"""The pictures of the errata: the corrected form is what really happens, the printed one is far from it."""

import re
from pathlib import Path

import numpy as np
import pytest

from pedesis.lessons import library
from pedesis.lessons.errata import ALSO, ERRATA, erratum
from pedesis.lessons.evidence import EVIDENCE, evidence

SIMULATED = {"E2", "E6", "E7", "E14", "E17", "E19", "E21"}
"""Where "really" is an average over draws; everywhere else it is exact."""


@pytest.mark.parametrize("name", EVIDENCE)
def test_the_corrected_form_holds_and_the_printed_one_fails(name: str) -> None:
    shown = evidence(name)
    assert shown is not None
    scale = np.abs(shown.really).max()
    assert np.abs(shown.corrected - shown.really).max() < (0.05 if name in SIMULATED else 1e-9) * scale
    assert np.abs(shown.printed - shown.really).max() > 0.3 * scale
    assert shown.x.shape == shown.printed.shape == shown.corrected.shape == shown.really.shape
    assert (np.diff(shown.x) > 0).all()
    for function in shown.functions:
        assert library.entry(function).code


@pytest.mark.parametrize(
    ("name", "factor", "tolerance"),
    [("E4", 155.8, 1e-3), ("E5", 1.2e6, 0.02), ("E12", 0.5, 1e-9), ("E13", 2 * np.pi, 1e-9), ("E14", 2.0, 1e-9)],
)
def test_the_factors_in_the_text_are_those_of_the_picture(name: str, factor: float, tolerance: float) -> None:
    shown = evidence(name)
    assert shown is not None
    assert shown.printed[-1] / shown.corrected[-1] == pytest.approx(factor, rel=tolerance)


def test_the_variance_without_a_score_is_that_of_the_text() -> None:
    shown = evidence("E17")
    assert shown is not None
    betas = np.linspace(1e-4, 0.02, 1000)
    np.testing.assert_allclose(shown.printed, [1 + betas[1000 - int(done) :].sum() for done in shown.x], rtol=1e-9)
    assert 1 + betas.sum() == pytest.approx(11.05)


def test_errata_are_numbered_and_found() -> None:
    assert [e.id for e in ERRATA] == [f"E{i}" for i in range(len(ERRATA))]
    assert set(EVIDENCE) <= {e.id for e in ERRATA}
    assert erratum("E7").where == "001, interpretation III"
    assert evidence("E0") is None
    with pytest.raises(ValueError, match="'E99'; there are E0 to E27"):
        erratum("E99")


def test_texts_fit_into_a_table() -> None:
    """No bar that would end a cell, and every formula is closed."""
    for e in ERRATA:
        for text in (e.where, e.printed, e.correct, e.why):
            assert "|" not in text and "\n" not in text, e.id
            assert text.count("$") % 2 == 0, e.id
    assert ALSO.count("$") % 2 == 0


def test_every_picture_is_of_a_tested_erratum() -> None:
    tests = "\n".join(path.read_text() for path in Path(__file__).parents[1].rglob("test_*.py"))
    assert set(EVIDENCE) <= set(re.findall(r'mark\.erratum\("(E\d+)"\)', tests))
