"""The generation demo: widgets, and calls to `pedesis_zoo`.

    python app.py [--port 7860] [--models FOLDER]

Everything runs on this machine; the page asks nothing of any other.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

FOLDER = Path(tempfile.gettempdir()) / f"pedesis-demo-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
os.environ["GRADIO_TEMP_DIR"] = str(FOLDER)
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = os.environ["HF_HUB_OFFLINE"] = "1"

import gradio as gr  # noqa: E402  (its settings come first)
from guard import Guard  # noqa: E402
from starlette.middleware import Middleware  # noqa: E402
from wishes import ALL_CLASSES, MOST_GUIDANCE, MOST_IMAGES, MOST_SEED, MOST_STEPS, NO_CLASS, wish  # noqa: E402

import pedesis_zoo as zoo  # noqa: E402
from pedesis.grids import GRIDS  # noqa: E402
from pedesis.images import Pixels, enlarge, grid, save_png, to_image  # noqa: E402
from pedesis.registry import UnknownName  # noqa: E402
from pedesis.samplers import SAMPLERS  # noqa: E402

SECONDS = 120  # the longest a request may take
KEEP_SECONDS = 900  # how long finished files are kept
SHOWN = 420  # about how many pixels wide a sheet of pictures is

CONVENTION = "0 ignores the class, 1 is plain conditional, more follows it more strongly (papers' w is scale - 1)"
CSS = """
.gradio-container {width: 100%; max-width: 1080px !important; margin: auto}
.gradio-container main, .gradio-container .tabs, .gradio-container .tabitem, #work > * {min-width: 0 !important}
#gallery .grid-container {grid-template-columns: repeat(auto-fill, minmax(84px, 1fr)) !important}
#sheet-noisy img, #sheet-clean img, #gallery img {image-rendering: pixelated}
@media (max-width: 640px) {
  #work {flex-wrap: wrap}
  #controls, #results {flex: 1 1 100% !important; min-width: 0 !important; max-width: 100%}
}
"""

own_models: dict[str, Path] = {}


def models() -> list[str]:
    """Everything that can draw: the zoo's pictures, then the files of --models; the default first."""
    names = zoo.list_models(kind="image")
    names.sort(key=lambda name: name != "fashion-mnist")
    return [*names, *own_models]


@lru_cache(maxsize=8)
def load(name: str) -> zoo.ImageModel:
    """A model, loaded once and only read from then on. Raises ValueError for an unknown name."""
    if name in own_models:
        return zoo.load(own_models[name])
    if name not in models():
        raise UnknownName("model", name, models())
    return zoo.load(name)


def tidy() -> None:
    """Remove files of earlier requests from the demo's own folder."""
    for path in sorted(FOLDER.rglob("*"), reverse=True):
        try:
            if path.is_file() and time.time() - path.stat().st_mtime > KEEP_SECONDS:
                path.unlink()
            elif path.is_dir():
                path.rmdir()
        except OSError:
            pass  # in use, or not empty


def draw(
    model: str,
    label: str,
    guidance: float,
    seed: int,
    randomise: bool,
    number: int,
    sampler: str,
    steps: int,
    time_grid: str,
) -> Iterator[tuple[Any, ...]]:
    """Draw pictures, streaming x_t and the x0 estimate; the API endpoint /generate.

    Yields (x_t sheet, x0 sheet, gallery, status, seed, script, file); gallery and file come with the last.
    """
    tidy()
    started = time.monotonic()
    try:
        seed = random.randint(0, MOST_SEED - MOST_IMAGES) if randomise else seed
        asked = wish(
            model=model,
            label=label,
            guidance=guidance,
            sampler=sampler,
            steps=steps,
            grid=time_grid,
            number=number,
            seed=seed,
        )
        loaded = load(asked.model)
        snapshots = zoo.generate(
            loaded,
            asked.condition(loaded.classes),
            zoo.seeds_from(asked.seed, asked.number),
            guidance=asked.guidance,
            steps=asked.steps,
            sampler=asked.sampler,
            grid=asked.grid,
        )
    except ValueError as error:
        raise gr.Error(str(error), print_exception=False) from None

    script = asked.script(loaded.classes, str(own_models.get(asked.model, asked.model)))
    for snapshot in snapshots:
        seconds = time.monotonic() - started
        if seconds > SECONDS:
            raise gr.Error(f"stopped after {SECONDS} seconds; ask for fewer steps or pictures", print_exception=False)
        status = f"step {snapshot.step} of {snapshot.steps}, {seconds:.1f} s"
        if not snapshot.finished:
            yield keep(snapshot.x_t, "x_t"), keep(snapshot.x0, "x0"), None, status, asked.seed, script, None
    settings = {key: str(value) for key, value in asked.model_dump().items()}
    finished = keep(snapshot.x0, f"pedesis-{asked.model.replace('/', '-')}-{asked.seed}", settings)
    factor = max(1, 224 // snapshot.x0.shape[1])
    gallery = [to_image(enlarge(picture, factor)) for picture in snapshot.x0]
    status = f"{asked.number} pictures in {time.monotonic() - started:.1f} s"
    yield finished, finished, gallery, status, asked.seed, script, finished


def keep(pixels: Pixels, name: str, settings: dict[str, str] | None = None) -> str:
    """Write a sheet of pictures into the demo's folder.

    A path, because Gradio copies files whole, but rewrites the file of an array in place each time the same picture
    comes again (the last x0 estimate is the result), and a browser may be reading it.
    """
    path = FOLDER / f"{name}-{time.time_ns()}.png"
    save_png(sheet(pixels), path, settings)
    return str(path)


def sheet(pixels: Pixels) -> Pixels:
    """Pictures laid out as one, each pixel a sharp square."""
    laid = grid(pixels, gap=1)
    return enlarge(laid, max(1, SHOWN // laid.shape[1]))


def suit(model: str) -> tuple[Any, ...]:
    """The widgets that fit a model: its classes, and its usual settings."""
    try:
        loaded = load(model)
    except ValueError as error:
        raise gr.Error(str(error), print_exception=False) from None
    usual, has_classes = loaded.generation, bool(loaded.classes)
    choices = [ALL_CLASSES, NO_CLASS, *loaded.classes] if has_classes else [NO_CLASS]
    return (
        gr.update(choices=choices, value=choices[0], interactive=has_classes),
        gr.update(value=usual.guidance, interactive=has_classes),
        usual.sampler,
        usual.steps,
        usual.grid,
    )


def card(model: str) -> str:
    """The model's card without its front matter and picture links."""
    if model in own_models:
        return f"`{own_models[model].name}` is a model of your own."
    return zoo.card(model).split("---\n", 2)[-1].replace("](samples.png)", "](#)").replace("![", "[")


def sheet_widget(name: str, meaning: str, elem_id: str) -> gr.Image:
    """A captioned place for one sheet of pictures."""
    with gr.Column(min_width=130):
        gr.Markdown(f"**{name}**, {meaning}")
        return gr.Image(label=f"{name}, {meaning}", show_label=False, format="png", elem_id=elem_id, buttons=[])


def page() -> gr.Blocks:
    """The page."""
    names = models()
    with gr.Blocks(title="Pedesis", analytics_enabled=False, delete_cache=(600, KEEP_SECONDS)) as blocks:
        gr.Markdown("# Pedesis\nPictures out of noise, by small diffusion models that run on this machine.")
        if not names:
            gr.Markdown("There is no trained model yet. Train one: `python -m pedesis_zoo train digits`.")
            return blocks
        first = load(names[0])
        with gr.Tab("Generate"):
            with gr.Row(elem_id="work"):
                with gr.Column(scale=2, min_width=280, elem_id="controls"):
                    model = gr.Dropdown(names, value=names[0], label="Model")
                    label = gr.Dropdown(
                        [ALL_CLASSES, NO_CLASS, *first.classes],
                        value=ALL_CLASSES,
                        label="Class",
                        allow_custom_value=True,
                        interactive=bool(first.classes),
                    )
                    guidance = gr.Slider(
                        0, MOST_GUIDANCE, first.generation.guidance, step=0.1, label="Guidance scale", info=CONVENTION
                    )
                    with gr.Row():
                        seed = gr.Number(0, label="Seed", precision=0, minimum=0, maximum=MOST_SEED, min_width=90)
                        randomise = gr.Checkbox(False, label="Randomise", min_width=90)
                    with gr.Row():
                        start = gr.Button("Generate", variant="primary")
                        stop = gr.Button("Stop")
                    with gr.Accordion("Advanced settings", open=False):
                        number = gr.Slider(1, MOST_IMAGES, 9, step=1, precision=0, label="Number of images")
                        sampler = gr.Dropdown(list(SAMPLERS), value=first.generation.sampler, label="Sampler")
                        steps = gr.Slider(1, MOST_STEPS, first.generation.steps, step=1, precision=0, label="Steps")
                        spacing = gr.Dropdown(list(GRIDS), value=first.generation.grid, label="Time grid")
                with gr.Column(scale=5, min_width=280, elem_id="results"):
                    with gr.Row():
                        noisy = sheet_widget("x_t", "the noisy pictures", "sheet-noisy")
                        clean = sheet_widget("x0", "what the model expects", "sheet-clean")
                    status = gr.Markdown("Choose a class and press Generate.")
                    gallery = gr.Gallery(
                        label="Pictures", show_label=False, columns=6, format="png", elem_id="gallery", height="auto"
                    )
                    save = gr.DownloadButton("Download PNG (settings in its metadata)")
                    with gr.Accordion("Copy as Python", open=False):
                        script = gr.Code(language="python", show_label=False)
            inputs = [model, label, guidance, seed, randomise, number, sampler, steps, spacing]
            outputs = [noisy, clean, gallery, status, seed, script, save]
            if "fashion-mnist" in names:
                rows = [("sneaker", 2.0), ("bag", 2.0), ("dress", 0.0), ("dress", 1.0), ("dress", 5.0)]
                gr.Examples(
                    [[name, scale, 7] for name, scale in rows],
                    [label, guidance, seed],
                    label="Examples: the dresses differ in guidance alone",
                )
            running = start.click(draw, inputs, outputs, api_name="generate", concurrency_id="cpu", concurrency_limit=1)
            stop.click(lambda: "stopped", None, status, cancels=[running], api_visibility="private", queue=False)
            model.change(
                suit,
                [model],
                [label, guidance, sampler, steps, spacing],
                api_visibility="private",
                show_progress="hidden",
            )
        with gr.Tab("About"):
            shown = gr.Dropdown(names, value=names[0], label="Model")
            text = gr.Markdown(card(names[0]))
            shown.change(card, [shown], [text], api_visibility="private")
    return blocks


def main() -> None:
    """Serve the page until interrupted."""
    parser = argparse.ArgumentParser(description="The generation demo of Pedesis.")
    parser.add_argument("--port", type=int, default=os.environ.get("PEDESIS_DEMO_PORT", "7860"))
    host = os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1")  # set by public Spaces
    parser.add_argument("--host", default=host, help="0.0.0.0 only behind a proxy")
    parser.add_argument("--models", type=Path, help="a folder with weight files of your own")
    options = parser.parse_args()
    if options.models is not None:
        if not options.models.is_dir():
            print(f"error: --models {options.models} is not a folder", file=sys.stderr)
            sys.exit(2)
        found = sorted(options.models.glob("*.safetensors"))
        own_models.update({p.name: p for p in found if not p.stem.endswith(".checkpoint")})
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    if FOLDER.is_symlink() or (hasattr(os, "getuid") and FOLDER.stat().st_uid != os.getuid()):
        print(f"error: {FOLDER} belongs to somebody else; set TMPDIR to a folder of yours", file=sys.stderr)
        sys.exit(2)
    FOLDER.chmod(0o700)
    tidy()
    sans = [gr.themes.GoogleFont("Source Sans Pro", weights=(400, 700)), "sans-serif"]  # bundled with gradio
    mono = [gr.themes.GoogleFont("IBM Plex Mono", weights=(400, 700)), "monospace"]
    try:
        page().queue(max_size=20, api_open=False, default_concurrency_limit=1).launch(
            server_name=options.host,
            server_port=options.port,
            share=False,
            show_error=False,
            theme=gr.themes.Soft(primary_hue="indigo", font=sans, font_mono=mono),
            css=CSS,
            footer_links=["api"],
            run_history=False,
            enable_monitoring=False,
            ssr_mode=False,
            mcp_server=False,
            pwa=False,
            max_threads=8,
            max_file_size="1mb",
            state_session_capacity=200,
            allowed_paths=[],
            app_kwargs={
                "middleware": [Middleware(Guard)],
                "docs_url": None,
                "redoc_url": None,
                "openapi_url": None,
            },
        )
    except OSError:
        print(f"error: {options.host}:{options.port} is in use or not allowed; choose another --port", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
