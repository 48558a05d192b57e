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
    hint: str = ""  # what to try, for whoever shows it to others

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
            "Guess how far the walkers are after four times as many steps, then look: twice as far.",
        ),
        Page(
            "fokker_planck",
            "Fokker-Planck equation",
            ":material/waves:",
            "How a density flows under a force and noise, and why a spring makes it forget where it began.",
            "Pull the time to its end, then start from another place: the spring makes the density forget it.",
        ),
    ),
    "From picture to noise": (
        Page(
            "forward",
            "Forward process on an image",
            ":material/blur_on:",
            "Drown a picture in noise, at once or step by step, and see that both ways have the same law.",
            "Pull t slowly. When do you no longer recognize the picture? Then look at its log SNR.",
        ),
        Page(
            "schedules",
            "Schedules",
            ":material/ssid_chart:",
            "How fast the signal fades under each schedule, on one axis; and why 100 steps can be a trap.",
            "Guess which schedule spends most of its time near log SNR 0; then set the trap to 100 steps.",
        ),
        Page(
            "kernels",
            "Diffusion kernels in 1-D and 2-D",
            ":material/bubble_chart:",
            "Densities over time: every starting point spreads, all of them merge, and nothing is left but noise.",
            "Pull the time and watch two starting points until nobody can tell them apart.",
        ),
    ),
    "Back to the data": (
        Page(
            "reverse",
            "The reverse conditional",
            ":material/swap_horiz:",
            "One step back: a Gaussian if the data point is known, and nearly one if the step is small.",
            "Make the step longer until the exact law has two peaks: no Gaussian can follow it there.",
        ),
        Page(
            "interpretations",
            "Three interpretations",
            ":material/call_split:",
            "Data, noise, score or velocity: ask a network for any of them, and the arrows stay the same.",
            "Ask for the noise, then for the data: the arrows stay the same. Where is which of them hard to learn?",
        ),
        Page(
            "sampling",
            "Reverse process",
            ":material/undo:",
            "Particles walk from noise to data under any two samplers, in as many or as few steps as you like.",
            "Let all particles start in one point: the flow ends in one point, the walk anywhere.",
        ),
    ),
    "Learning": (
        Page(
            "elbo",
            "ELBO",
            ":material/compress:",
            "What a picture costs in bits: three terms, rate and distortion, and why one step is a VAE.",
            "Which of the three terms pays for the picture? Change the number of steps and ask again.",
        ),
        Page(
            "train",
            "Train a network",
            ":material/model_training:",
            "Draw points, and watch a small network learn their score in ten seconds, beside the exact one.",
            "Stop early and pull the time: the network is right at much noise first, at little noise last.",
        ),
        Page(
            "guidance",
            "Guidance",
            ":material/explore:",
            "Ask for a class, and for more of it: scores add up, samples sharpen and drift, and diversity pays.",
            "Raise the scale from 1 to 8: the samples get sharper, drift away, and become alike.",
        ),
        Page(
            "denoising",
            "Denoising real images",
            ":material/image_search:",
            "Watch a trained model walk from noise to pictures, and compare two samplers from the same noise.",
            "Pull the time from noise to the picture. At which step do you know what it will be?",
        ),
        Page(
            "faster",
            "Faster sampling",
            ":material/speed:",
            "Few steps that are good: the right variance, the right times, and a student that skips.",
            "Take four steps, then change the time grid, then the variance: which helped more?",
        ),
        Page(
            "what_goes_wrong",
            "What goes wrong",
            ":material/stethoscope:",
            "Classic mistakes at work: what they do to samples, the curve that gives them away, and their name.",
            "Choose a mistake without reading its name aloud: who finds the wrong line from the samples alone?",
        ),
    ),
    "Reference": (
        Page(
            "formulas",
            "Formulas",
            ":material/function:",
            "Every row of the lecture notes that the library builds: formula, function and source.",
            "Choose a row, say what the function must compute, then open its code: how many lines is it?",
        ),
        Page(
            "errata",
            "Errata",
            ":material/edit_note:",
            "What the lecture notes print, what is right, and for every error of numbers a picture that shows it.",
            "Choose an erratum with a picture. Which curve would you have believed without the points?",
        ),
    ),
}
