"""What the library says about itself is what its docstrings say."""

import pytest

from pedesis.lessons import library


def test_an_entry_quotes_the_function() -> None:
    entry = library.entry("pedesis.process:Process.marginal")
    assert entry.rows == ("F5",)
    assert entry.summary.startswith("The diffusion kernel q(x_t | x_0)")
    assert entry.formula == r"q(x_t\mid x_0) = \mathcal N(\sqrt{\bar\alpha_t}\,x_0,\ (1-\bar\alpha_t)I)"
    assert entry.notes.startswith('000, "Diffusion kernel"')
    assert entry.code.startswith("def marginal(self")
    assert entry.code.endswith("return Gaussian(alpha * x0, sigma**2)")
    assert entry.place.startswith("pedesis/process.py, line ")


def test_a_formula_over_several_lines_is_whole() -> None:
    formula = library.entry("pedesis.process:Process.posterior").formula
    assert "\n" not in formula
    assert formula.count("{") == formula.count("}")
    assert formula.endswith(r"\tilde\beta_t = \tfrac{\beta_t(1-\bar\alpha_{t-1})}{1-\bar\alpha_t}")


def test_all_rows_are_found_and_have_balanced_formulas() -> None:
    entries = library.entries()
    rows = {row for entry in entries for row in entry.rows}
    assert {"F1", "F2", "F5", "F7", "F8", "R2", "N11", "L6"} <= rows
    for entry in entries:
        assert entry.summary
        assert entry.formula.count("{") == entry.formula.count("}")


@pytest.mark.parametrize("name", ["pedesis.process:Nothing", "pedesis.nothing:Process", "nonsense"])
def test_what_is_not_there_is_named(name: str) -> None:
    with pytest.raises(ValueError, match="expected 'module:name' of something in the library; got"):
        library.entry(name)
