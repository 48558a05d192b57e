"""How the events of a tab run: one long one at a time, with what went wrong told beside the pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency
from show import status_line

LIGHT: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "preprocess": False}
HEAVY: dict[str, Any] = {
    "concurrency_id": "cpu",
    "concurrency_limit": 1,
    "show_progress": "hidden",
    "preprocess": False,
}
"""Values reach a handler as they were sent: `generation_request` says more clearly than Gradio what is wrong with them,
and names the field. A widget that checks by itself would forget how once an event has changed it."""

ADDRESS = "query => query ? `${location.origin}${location.pathname}?${query}` : ''"
"""In the browser: from the settings for an address to the whole address."""
KEPT = (
    f"query => {{ const url = ({ADDRESS})(query); if (url) history.replaceState(history.state, '', "
    "url + location.hash); return url }"
)
"""The same, and it becomes that of the page: a reload draws the same."""

Draw = Callable[..., Iterator[tuple[Any, ...]]]


def on_page(status: Component) -> dict[str, Any]:
    """Of a long event of the page: whoever waits sees in `status` which place of the queue it has."""
    return {**HEAVY, "api_visibility": "private", "show_progress": "minimal", "show_progress_on": status}


def endpoint(name: str, draw: Draw, inputs: Sequence[Component], outputs: Sequence[Component]) -> None:
    """The same for programs: there a mistake is an error."""
    gr.on([], draw, list(inputs), list(outputs), api_name=name, **HEAVY)


def with_status(draw: Draw, outputs: Sequence[Component], status: Component, begun: str = "drawing ...") -> Draw:
    """For the page: a mistake is told in `status`, and the other outputs stay, with the request that made them; `begun`
    is what is said first."""

    def reporting(*asked: Any) -> Iterator[tuple[Any, ...]]:
        try:
            if begun:
                yield only(begun, busy=True)
            for results in draw(*asked):
                yield tuple(map(shown_in, outputs, results))
        except gr.Error as error:
            yield only(error.message)

    def only(sentence: str, busy: bool = False) -> tuple[Any, ...]:
        return tuple(status_line(sentence, busy) if output is status else gr.skip() for output in outputs)

    return reporting


def shown_in(output: Component, value: Any) -> Any:
    """A value for a component; a button for a file is there as long as there is a file."""
    if isinstance(output, gr.DownloadButton) and not isinstance(value, dict):
        return gr.DownloadButton(value=value, visible=value is not None)
    return value


def emptied(outputs: Sequence[Component]) -> list[Any]:
    """Nothing for each of the components."""
    return [shown_in(output, None) for output in outputs]


def path_of(file: Any) -> str:
    """Where an uploaded file lies; Gradio has seen to it that it was uploaded. Raises ValueError."""
    path = file.get("path") if isinstance(file, dict) else file
    if not isinstance(path, str):
        raise ValueError("this is no uploaded file; drop one here")
    return path


def stop(button: gr.Button, running: Sequence[Dependency], status: Component) -> None:
    """Let a button stop what is running.

    The sentence follows what ended, not the click: only then can the next click count, and no late preview comes.
    """
    button.click(None, cancels=list(running), api_visibility="private")
    for event in running:
        event.failure(lambda: status_line("stopped"), None, status, queue=False, **LIGHT)
