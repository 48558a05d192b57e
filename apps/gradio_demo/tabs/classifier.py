"""Classifier guidance beside classifier-free guidance, and the class probability on the way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import gradio as gr
import numpy as np
import show
import widgets as w
from curves import chart
from events import endpoint, on_page, stop, with_status
from models import classifier_of, load, request, steerable

import pedesis_zoo as zoo
from pedesis_zoo.generation.classifier import INTERVAL, class_probabilities, classifier_guidance, load_classifier

WAYS = ("classifier guidance", "classifier-free guidance")


def steer(
    model: str, label: str, guidance: float, seed: int, number: int, sampler: str, steps: int, grid: str
) -> Iterator[tuple[Any, ...]]:
    """Draw the same seeds with classifier guidance and with classifier-free guidance at the same scale. Results: by
    way, the classifier's mean probability of the class asked for after each step; a sentence; the pictures and these
    probabilities, HTML."""
    asked_for = locals()
    with show.sentences():
        asked, loaded = request(**{**asked_for, "model": steerable()[0] if model is None else model})
        name = classifier_of(asked.model)
        if name is None:
            raise ValueError(
                f"there is no classifier of noisy pictures for {asked.model!r}; steerable: {', '.join(steerable())}"
            )
        classifier, condition = load_classifier(name), loaded.condition(asked.wanted(loaded), asked.number)
        assert condition is not None
        chosen = np.asarray(condition)
        if (chosen < 0).any():
            raise ValueError("a classifier steers towards a class; choose one")
        arguments = (asked.wanted(loaded), asked.seeds())
        walks = {
            WAYS[0]: classifier_guidance(loaded, classifier, *arguments, **asked.settings(loaded)),
            WAYS[1]: zoo.generate(loaded, *arguments, **asked.settings(loaded)),
        }
        probabilities: dict[str, list[float]] = {}
        drawn: dict[str, str] = {}
        started = time.monotonic()
        for way, walk in walks.items():
            story: show.Story = []
            for snapshot in show.paced(walk, story, started):
                drawn[way] = show.figure(f"<b>{way}</b>", show.sheet(snapshot.x0), f"pictures by {way}")
                shown = show.made_by(asked, loaded, f'<div class="pair">{"".join(drawn.values())}</div>')
                if not snapshot.finished:
                    said = show.status_line(f"{way}: step {snapshot.step} of {snapshot.steps}", busy=True)
                    yield None, said, shown
            of_class = (class_probabilities(classifier, moment)[np.arange(asked.number), chosen] for moment in story)
            probabilities[way] = [float(each.mean()) for each in of_class]
        said = show.status_line("The same seeds, the same scale, two ways.")
        steps = [moment.step for moment in story]
        curves = {way: list(zip(steps, means, strict=True)) for way, means in probabilities.items()}
        title = "The classifier's probability of the class, p(class | xₜ), mean over the pictures"
        yield probabilities, said, shown + chart(curves, title, "step")


def build() -> None:
    """Widgets and events."""
    names = steerable()
    first = load(names[0])
    with gr.Row(elem_classes="work"):
        with gr.Column(scale=2, min_width=280, elem_classes="controls"):
            picker = w.model(names, names[0])
            ask = w.place(first, label=w.one_label, guidance=w.FIELDS["guidance"], seed=w.FIELDS["seed"])
            with gr.Row():
                start = gr.Button("Draw both", variant="primary", min_width=120)
                halt = gr.Button("Stop", min_width=80)
            with gr.Accordion("Advanced settings", open=False):
                ask |= w.place(first, "number", "sampler", "steps", "grid")
        with gr.Column(scale=5, min_width=280, elem_classes="results"):
            gr.Markdown(
                "The model is asked *without* a class, and a classifier that knows noisy pictures steers it by "
                "the gradient of log p(class | x<sub>t</sub>), times the scale. Beside it, classifier-free "
                f"guidance at the same scale. A scale above 1 acts for log-SNR {INTERVAL[0]:g} to {INTERVAL[1]:g}, "
                "where a classifier can tell anything; beside it, where the model says."
            )
            status = gr.HTML(show.status_line("Choose a class and a scale."), label="Status", elem_classes="first")
            result = gr.HTML(elem_classes=["preview", "first"], label="Preview")
            numbers = gr.JSON(label="Class probability after each step", visible="hidden")
    inputs, outputs = [picker, *ask.values()], [numbers, status, result]
    endpoint("steer", steer, inputs, outputs)
    running = start.click(with_status(steer, outputs, status), inputs, outputs, **on_page(status))
    stop(halt, [running], status)
    w.follow(picker, ask, status, [numbers, result], [running], label=w.one_label)
