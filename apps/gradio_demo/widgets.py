"""The widgets of a request, one function per field of `GenerationRequest`: (model, value) -> widget.

Called on a page it makes the widget; returned from an event it changes the one that is there, so that all widgets
always fit the model. A value of None is the model's usual one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import gradio as gr
from events import LIGHT, emptied
from generation_request import (
    ALL_CLASSES,
    HIGHEST,
    LOWEST,
    MOST_GUIDANCE,
    MOST_IMAGES,
    MOST_LETTERS,
    MOST_SEED,
    MOST_STEPS,
    NO_CLASS,
    NOTHING,
    GenerationRequest,
    takes_eta,
)
from gradio.components import Component
from gradio.events import Dependency
from models import WORDS, load, prompts, request, title
from show import sentences, status_line

import pedesis_zoo as zoo
from pedesis.samplers import SAMPLERS
from pedesis.samplers.timesteps import TIMESTEP_SPACINGS
from pedesis_zoo.generation.palette import has_palette

ANY_CLASS = "whatever comes (no class)"
IGNORED = "0 ignores the {what}, "
CONVENTION = "1 is plain conditional, more follows it more strongly (papers' w is scale - 1)"
Widget = Callable[[zoo.ImageModel, Any], Component]


def or_usual(value: Any, usual: Any) -> Any:
    """A value, or the usual one."""
    return usual if value is None else value


def model(names: Sequence[str], value: str) -> gr.Dropdown:
    """The choice of a model."""
    return gr.Dropdown(list(names), value=value, label="Model", info=title(value), interactive=True)


def label(model: zoo.ImageModel, value: str | None) -> gr.Dropdown:
    choices = [ALL_CLASSES, NO_CLASS, *model.classes] if model.classes else [NO_CLASS]
    return gr.Dropdown(
        [(ANY_CLASS if choice == NO_CLASS else choice, choice) for choice in choices],
        value=value if value in choices else choices[0],
        label="Class",
        allow_custom_value=True,  # the handler says which classes there are
        visible=bool(model.classes),
    )


def one_label(model: zoo.ImageModel, value: str | None) -> gr.Dropdown:
    """For tabs that concern one class at a time."""
    choices = [*model.classes, NO_CLASS]
    return gr.Dropdown(
        [(ANY_CLASS if choice == NO_CLASS else choice, choice) for choice in choices],
        value=value if value in choices else choices[len(model.classes) // 3],
        label="Class",
        allow_custom_value=True,
        visible=bool(model.classes),
    )


def prompt(model: zoo.ImageModel, value: str | None) -> gr.Textbox:
    text = model.text is not None
    return gr.Textbox(
        or_usual(value, prompts(model)[0] if text else ""),
        label="Prompt",
        max_length=MOST_LETTERS,
        info="describe it with the words below; the model knows no others" if text else None,
        elem_classes="prompt",
        visible=text,
    )


def words(model: zoo.ImageModel, value: None = None) -> gr.HTML:
    """The words that a model knows; a click adds one to the prompt. Sorted ones come first."""
    known = model.text.vocabulary if model.text is not None else ()
    groups = {name: [w for w in some.split() if w in known] for name, some in WORDS.get(model.data or "", {}).items()}
    sorted_ones = {word for some in groups.values() for word in some}
    groups["also" if groups else "words"] = [word for word in known if word not in sorted_ones]
    shown = "".join(
        f"<p><b>{escape(name)}</b> {''.join(f'<button type=button class=word>{escape(w)}</button>' for w in some)}</p>"
        for name, some in groups.items()
    )
    html = f"<details><summary>Words that this model knows</summary>{shown}</details>"
    return gr.HTML(html, visible=bool(known), elem_classes="words", label="Words")


def other(model: zoo.ImageModel, value: str | None, name: str, info: str) -> gr.Dropdown:
    return gr.Dropdown(
        [NOTHING, *(model.classes or (prompts(model) if model.text else ()))],
        value=value or NOTHING,
        label=name,
        info=info,
        allow_custom_value=True,
        visible=model.conditional and not model.denoiser.guided,
    )


def negative(model: zoo.ImageModel, value: str | None) -> gr.Dropdown:
    name = "Negative prompt" if model.text else "Negative class"
    return other(model, value, name, "kept away from, with weight -(scale - 1)")


def also(model: zoo.ImageModel, value: str | None) -> gr.Dropdown:
    return other(model, value, "And also", "a second one, with the same weight: the product of the two")


def guidance(model: zoo.ImageModel, value: float | None) -> gr.Slider:
    low, high = model.generation.scales
    return gr.Slider(
        low,
        min(high, MOST_GUIDANCE),
        or_usual(value, model.generation.guidance),
        step=0.1,
        label="Guidance scale",
        info=(IGNORED.format(what="prompt" if model.text else "class") if low == 0 else "")
        + CONVENTION
        + ("" if low < 1 else "; this model has learned scales from 1 on"),
        visible=model.conditional,
    )


def usual_interval(model: zoo.ImageModel) -> dict[str, float]:
    """Where the two ends of the interval stand, unless somebody moves them."""
    low, high = model.generation.interval or (LOWEST, HIGHEST)
    return {"interval_low": low, "interval_high": high}


def interval_low(model: zoo.ImageModel, value: float | None) -> gr.Slider:
    return _interval(model, value, 0, "Guidance from log-SNR")


def interval_high(model: zoo.ImageModel, value: float | None) -> gr.Slider:
    return _interval(model, value, 1, "Guidance up to log-SNR")


def _interval(model: zoo.ImageModel, value: float | None, end: int, name: str) -> gr.Slider:
    usual = list(usual_interval(model).values())
    return gr.Slider(
        LOWEST,
        HIGHEST,
        or_usual(value, usual[end]),
        step=0.5,
        label=name,
        info="outside, a scale above 1 counts as 1" if end == 0 else None,
        visible=model.conditional and not model.denoiser.guided,
    )


def rescale(model: zoo.ImageModel, value: float | None) -> gr.Slider:
    return gr.Slider(
        0,
        1,
        or_usual(value, 0),
        step=0.05,
        label="Rescale",
        info="how far guided estimates keep the spread of the conditional ones",
        visible=model.conditional and not model.denoiser.guided,
    )


def seed(model: zoo.ImageModel, value: int | None) -> gr.Number:
    return gr.Number(or_usual(value, 0), label="Seed", precision=0, minimum=0, maximum=MOST_SEED, min_width=90)


def number(model: zoo.ImageModel, value: int | None) -> gr.Slider:
    return gr.Slider(1, MOST_IMAGES, or_usual(value, 8), step=1, precision=0, label="Number of images")


def sampler(model: zoo.ImageModel, value: str | None) -> gr.Dropdown:
    return gr.Dropdown(list(SAMPLERS), value=or_usual(value, model.generation.sampler), label="Sampler")


def eta(model: zoo.ImageModel, value: float | None, sampler: str | None = None) -> gr.Slider:
    return gr.Slider(
        0,
        1,
        or_usual(value, 0),
        step=0.05,
        label="Eta",
        info="0 deterministic ... 1 as much noise as DDPM",
        visible=takes_eta(sampler or model.generation.sampler),
    )


def steps(model: zoo.ImageModel, value: int | None) -> gr.Slider:
    return gr.Slider(1, MOST_STEPS, or_usual(value, model.generation.steps), step=1, precision=0, label="Steps")


def grid(model: zoo.ImageModel, value: str | None) -> gr.Dropdown:
    return gr.Dropdown(list(TIMESTEP_SPACINGS), value=or_usual(value, model.generation.grid), label="Time grid")


def palette(model: zoo.ImageModel, value: bool | None) -> gr.Checkbox:
    return gr.Checkbox(
        or_usual(value, False),
        label="Only colors of the data",
        info="pixel art has few; pictures stray a little from them",
        visible=has_palette(model),
    )


MAKERS: list[Widget] = [label, prompt, negative, also, guidance, interval_low, interval_high, rescale, seed, number]
MAKERS += [sampler, eta, steps, grid, palette]
FIELDS = {maker.__name__: maker for maker in MAKERS}  # type: ignore[attr-defined]


Widgets = dict[str, Component]
"""The widgets of a tab by the field that they fill."""


def place(model: zoo.ImageModel, *names: str, **makers: Widget) -> Widgets:
    """Make widgets here, in this order; `makers` are for fields that this tab asks in its own way."""
    every = {name: FIELDS[name] for name in names} | makers
    return {name: make(model, None) for name, make in every.items()}


def follow(
    picker: gr.Dropdown,
    widgets: Widgets,
    status: Component,
    results: Sequence[Component],
    running: Sequence[Dependency],
    **makers: Widget,
) -> Dependency:
    """Fit widgets to the model whenever another is picked; what the last one drew, or still draws, goes."""
    every = {name: makers.get(name) or FIELDS[name] for name in widgets}

    def suit(name: str) -> tuple[Any, ...]:
        with sentences():
            loaded = request(model=name)[1]
        fitted = [make(loaded, None) for make in every.values()]
        return (
            gr.Dropdown(info=title(name)),
            *fitted,
            status_line(f"{name}: nothing is drawn yet"),
            *emptied(results),
        )

    # Gradio's `input` comes twice from a mouse, and also when the list is only left: what counts is another name.
    shown, other = gr.Textbox(picker.value, visible="hidden"), gr.Textbox(visible="hidden")
    picker.change(None, picker, shown, js="name => name")
    turned = "(name, shown, other) => name === shown ? other : String(Date.now())"
    picker.input(None, [picker, shown, other], other, js=turned)
    other.change(None, cancels=list(running), api_visibility="private")
    return other.change(suit, picker, [picker, *widgets.values(), status, *results], **LIGHT)


def follow_sampler(widgets: Widgets) -> None:
    """Show eta where the sampler takes it."""
    widgets["sampler"].input(  # type: ignore[attr-defined]
        lambda name: gr.Slider(visible=takes_eta(name)),
        widgets["sampler"],
        widgets["eta"],
        **LIGHT,
    )


def filled(asked: GenerationRequest, names: Sequence[str], widgets: Widgets, **makers: Widget) -> list[Any]:
    """A model picker and widgets that show a request; `makers` as in `follow`.

    Raises:
        ValueError: something in it is unknown; no widget could show that.
    """
    loaded, plain = load(asked.model), asked.model_dump()
    loaded.condition(asked.wanted(loaded), asked.number)
    takes_eta(asked.sampler)
    TIMESTEP_SPACINGS[asked.grid]
    every = {**FIELDS, **makers, "eta": lambda model, value: eta(model, value, asked.sampler)}
    made = [every[name](loaded, plain[name]) for name in widgets]
    return [model(names, asked.model), *made]
