"""The pages of the explorer, in the order of the lecture notes: the one list that makes menu and home page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """One page: the file `views/<view>.py`, served at `/<view>`."""

    view: str
    title: str
    icon: str
    about: str

    @property
    def file(self) -> str:
        """Where its script is, as Streamlit wants it."""
        return f"views/{self.view}.py"


SECTIONS: dict[str, tuple[Page, ...]] = {
    "From picture to noise": (
        Page(
            "forward",
            "Forward process on an image",
            ":material/blur_on:",
            "Drown a picture in noise, at once or step by step, and see that both ways have the same law.",
        ),
        Page(
            "schedules",
            "Schedules",
            ":material/ssid_chart:",
            "How fast the signal fades under each schedule, on one axis; and why 100 steps can be a trap.",
        ),
    ),
    "Reference": (
        Page(
            "formulas",
            "Formulas",
            ":material/function:",
            "Every row of the lecture notes that the library builds: formula, function and source.",
        ),
    ),
}
