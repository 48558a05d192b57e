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
    "Brownian motion": (
        Page(
            "brownian",
            "Brownian motion",
            ":material/scatter_plot:",
            "Walkers that jump at random, the law they follow, and the heat equation that they become.",
        ),
        Page(
            "fokker_planck",
            "Fokker-Planck equation",
            ":material/waves:",
            "How a density flows under a force and noise, and why a spring makes it forget where it began.",
        ),
    ),
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
        Page(
            "kernels",
            "Diffusion kernels in 1-D and 2-D",
            ":material/bubble_chart:",
            "Densities over time: every starting point spreads, all of them merge, and nothing is left but noise.",
        ),
    ),
    "Back to the data": (
        Page(
            "reverse",
            "The reverse conditional",
            ":material/swap_horiz:",
            "One step back: a Gaussian if the data point is known, and nearly one if the step is small.",
        ),
        Page(
            "interpretations",
            "Three interpretations",
            ":material/call_split:",
            "Data, noise, score or velocity: ask a network for any of them, and the arrows stay the same.",
        ),
        Page(
            "sampling",
            "Reverse process",
            ":material/undo:",
            "Particles walk from noise to data under any two samplers, in as many or as few steps as you like.",
        ),
    ),
    "Learning": (
        Page(
            "elbo",
            "ELBO",
            ":material/compress:",
            "What a picture costs in bits: three terms, rate and distortion, and why one step is a VAE.",
        ),
        Page(
            "guidance",
            "Guidance",
            ":material/explore:",
            "Ask for a class, and for more of it: scores add up, samples sharpen and drift, and diversity pays.",
        ),
        Page(
            "denoising",
            "Denoising real images",
            ":material/image_search:",
            "Watch a trained model walk from noise to pictures, and compare two samplers from the same noise.",
        ),
        Page(
            "faster",
            "Faster sampling",
            ":material/speed:",
            "Few steps that are good: the right variance, the right times, and a student that skips.",
        ),
        Page(
            "what_goes_wrong",
            "What goes wrong",
            ":material/stethoscope:",
            "Classic mistakes at work: what they do to samples, the curve that gives them away, and their name.",
        ),
    ),
    "Reference": (
        Page(
            "formulas",
            "Formulas",
            ":material/function:",
            "Every row of the lecture notes that the library builds: formula, function and source.",
        ),
        Page(
            "errata",
            "Errata",
            ":material/edit_note:",
            "What the lecture notes print, what is right, and for every error of numbers a picture that shows it.",
        ),
    ),
}
