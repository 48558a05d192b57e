"""The generation demo: widgets, and calls to `pedesis_zoo`.

    python app.py [--port 7860] [--models FOLDER] [--device auto]

Everything runs on this machine; the page asks nothing of any other.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import threading
from pathlib import Path

import disk  # the settings of gradio come first
import gradio as gr
from events import LIGHT
from guard import Guard
from mistakes import Page
from models import compute_on, models, own_models, steerable, students
from models import tidy as tidy_models
from starlette.middleware import Middleware
from tabs import about, classifier, compare, edit, generate, live
from turns import PLACES, take_turns

from pedesis_zoo.models.own_files import drawable

HERE = Path(__file__).parent


def page() -> gr.Blocks:
    """The page; a tab is there if the model that it needs is."""
    with Page(title="Pedesis", analytics_enabled=False) as blocks:
        gr.Markdown(
            "# Pedesis\nPictures out of noise, by small diffusion models that run on this machine.",
            elem_classes="heading",
        )
        if not models():
            gr.Markdown("There is no trained model yet. Train one: `python -m pedesis_zoo train digits`.")
            return blocks
        with gr.Tabs(elem_classes="rooms") as tabs:
            with gr.Tab("Generate"):
                first = generate.build()
            if students():
                with gr.Tab("Live") as tab:
                    pipeline = live.build()
                    tab.select(**pipeline)
            with gr.Tab("Compare") as tab:
                comparing = compare.build(tab)
            with gr.Tab("Edit", id="edit"):
                room = edit.build()
            if steerable():
                with gr.Tab("Classifier guidance"):
                    classifier.build()
            with gr.Tab("About"):
                about.build()
        sent = first.drawn.take.click(room.receive, [first.drawn.gallery, first.drawn.clicked], room.source, **LIGHT)
        sent.success(lambda: gr.Tabs(selected="edit"), None, tabs, **LIGHT)
        blocks.load(first.open, None, [first.picker, *first.widgets.values(), *first.outputs], **LIGHT)
        blocks.load(comparing.open, None, comparing.filled, **LIGHT)
        blocks.load(room.open, None, room.opened, **LIGHT)
    return blocks


def tidy_for_ever(seconds: float = 60) -> None:
    """Old files and idle models go, now and every minute in the background."""
    disk.tidy()
    tidy_models()
    timer = threading.Timer(seconds, tidy_for_ever, [seconds])
    timer.daemon = True
    timer.start()


def serve(host: str, port: int) -> None:
    """Serve the page until interrupted. Raises OSError if the port cannot be had."""
    socket.create_server((host, port)).close()  # refused before anything is begun
    if models():
        threading.Thread(target=generate.first_story, daemon=True).start()  # drawn before anybody asks
    sans = [gr.themes.GoogleFont("Source Sans Pro", weights=(400, 700)), "sans-serif"]  # bundled with gradio
    mono = [gr.themes.GoogleFont("IBM Plex Mono", weights=(400, 700)), "monospace"]
    blocks = page().queue(max_size=PLACES, api_open=False, default_concurrency_limit=4)
    take_turns(blocks._queue)
    blocks.launch(
        server_name=host,
        server_port=port,
        share=False,
        show_error=False,
        theme=gr.themes.Soft(primary_hue="indigo", font=sans, font_mono=mono),
        css=(HERE / "style.css").read_text(),
        favicon_path=HERE / "icon.svg",
        head=f"{(HERE / 'head.html').read_text()}<script>{(HERE / 'waiting.js').read_text()}</script>",
        js=(HERE / "page.js").read_text(),
        footer_links=["api"],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        max_threads=8,
        max_file_size="10mb",
        state_session_capacity=200,
        allowed_paths=[],
        app_kwargs={"middleware": [Middleware(Guard)], "docs_url": None, "redoc_url": None, "openapi_url": None},
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="The generation demo of Pedesis.")
    parser.add_argument("--port", type=int, default=os.environ.get("PEDESIS_DEMO_PORT", "7860"))
    host = os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1")  # set by public Spaces
    parser.add_argument("--host", default=host, help="0.0.0.0 only behind a proxy")
    parser.add_argument("--models", type=Path, help="a folder with weight files of your own")
    parser.add_argument("--device", default="auto", help="cpu, cuda, mps; auto: the best there is")
    options = parser.parse_args()
    try:
        if sentence := compute_on(options.device):
            print(sentence, file=sys.stderr)
        if options.models is not None:
            found, left_out = drawable(options.models)
            own_models.update(found)
            print(*left_out, sep="\n", end="\n" if left_out else "", file=sys.stderr)
        disk.claim()
        tidy_for_ever()
        serve(options.host, options.port)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError:
        print(f"error: {options.host}:{options.port} is in use or not allowed; choose another --port", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
