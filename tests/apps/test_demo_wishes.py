"""Requests of the demo: validated before anything is computed, and true to the script they show."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

DEMO = Path(__file__).parents[2] / "apps" / "gradio_demo"
sys.path.insert(0, str(DEMO))

from wishes import ALL_CLASSES, NO_CLASS, wish  # noqa: E402

GOOD: dict[str, Any] = {"model": "digits", "sampler": "ddim", "steps": 5, "grid": "uniform", "number": 3, "seed": 4}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"guidance": float("nan")}, "guidance"),
        ({"guidance": float("inf")}, "guidance"),
        ({"guidance": 8.5}, "less than or equal to 8"),
        ({"guidance": True}, "not numbers"),
        ({"guidance": "2"}, "guidance"),
        ({"steps": 0}, "greater than or equal to 1"),
        ({"steps": 10**9}, "less than or equal to 200"),
        ({"steps": 4.7}, "steps"),
        ({"steps": None}, "steps"),
        ({"number": 17}, "less than or equal to 16"),
        ({"seed": -1}, "greater than or equal to 0"),
        ({"seed": 2**40}, "seed"),
        ({"label": "x" * 101}, "at most 100"),
        ({"extra": 1}, "extra"),
    ],
)
def test_wrong_requests_are_one_sentence(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        wish(**{**GOOD, **change})
    assert "\n" not in str(caught.value) and "; got " in str(caught.value)


def test_sliders_may_send_whole_numbers_as_floats() -> None:
    assert wish(**{**GOOD, "steps": 7.0, "guidance": 2}).steps == 7


@pytest.mark.parametrize("label", [ALL_CLASSES, NO_CLASS, "3"])
def test_the_script_draws_the_same_pictures(label: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import pedesis_zoo as zoo

    asked, model = wish(**GOOD, label=label), zoo.load("digits")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(asked.script(model.classes), names)
    seeds = zoo.seeds_from(asked.seed, asked.number)
    settings = {"guidance": asked.guidance, "steps": asked.steps, "sampler": asked.sampler, "grid": asked.grid}
    assert np.array_equal(names["pixels"], zoo.sample(model, asked.condition(model.classes), seeds, **settings))
    assert (tmp_path / "pictures.png").is_file()
