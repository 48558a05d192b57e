"""The models' cards: what they are, what was measured, their licenses, where their data come from."""

from __future__ import annotations

import base64
import re

import gradio as gr
import show
from models import load, models, own_models
from words import in_markdown

import pedesis_zoo as zoo
from pedesis_zoo.models.registry import folder_of, recipe


def card(model: str | None) -> str:
    """A model's card, Markdown, without its front matter; its pictures are in it."""
    model = models()[0] if model is None else model
    if isinstance(model, str) and model in own_models:
        known = load(model).text
        words = "" if known is None else f" It knows these words: {in_markdown(', '.join(known.vocabulary))}."
        return f"{in_markdown(own_models[model].name)} is a model of your own.{words}"
    with show.sentences():
        if not isinstance(model, str):
            raise ValueError(f"model: the name of a model is a text; got {str(model)[:80]!r}")
        text = zoo.card(model).split("---\n", 2)[-1]

    def inside(found: re.Match[str]) -> str:
        picture = (folder_of(model) / found[1]).read_bytes()
        return f"](data:image/png;base64,{base64.b64encode(picture).decode()})"

    text = re.sub(r"\[([^]]+\.csv)\]\([^)]+\)", r"`\1`", text)  # files of the package, not of this page
    return re.sub(r"\]\(([\w/-]+\.png)\)", inside, text)


def build() -> None:
    """Widgets and events."""
    others = [name for name in zoo.list_models() if recipe(name).kind != "points"]
    names = list(dict.fromkeys([*models(), *others]))
    shown = gr.Dropdown(names, value=names[0], label="Model")
    text = gr.Markdown(card(names[0]), elem_classes="card", label="Card")
    shown.change(card, shown, text, api_name="card", show_progress="hidden", preprocess=False)
