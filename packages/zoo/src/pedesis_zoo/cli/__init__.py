"""The command line: `python -m pedesis_zoo list | card | sample | train | evaluate | arena | export | page | ...`.

Everything that needs torch is imported inside the commands, so that `list` and `--help` are immediate.
`evaluate` is in `evaluating`, `arena` in `arena`; `data` and `prepare` in `data`; `export`, `page` and `pack` in
`files`; options in the field's words, and --import, are sorted out in `words`.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from pedesis.utils.modules import import_module
from pedesis_zoo.cli.arena import arena
from pedesis_zoo.cli.data import data, prepare
from pedesis_zoo.cli.evaluating import evaluate
from pedesis_zoo.cli.files import export, pack, page
from pedesis_zoo.cli.options import Device, Name, Palette, Threads, found, together
from pedesis_zoo.cli.words import in_our_words

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

EXTRAS = {"torchmetrics": "evaluation", "matplotlib": "evaluation", "pillow_jxl": "evaluation", "sklearn": "digits"}
"""Packages that only some commands need, and the extra that brings them."""

for command in (data, evaluate, arena, export, pack, page, prepare):
    app.command()(command)


@app.callback()
def with_imports(
    modules: Annotated[
        list[str] | None,
        typer.Option("--import", help="module, or file.py, with samplers of your own; also after a command"),
    ] = None,
) -> None:
    """Pretrained diffusion models that fit in the package."""
    for module in modules or ():
        import_module(module)


@app.command("list")
def list_command(pattern: Annotated[str, typer.Argument(help="shell pattern")] = "*") -> None:
    """List the models of the package."""
    from rich.console import Console
    from rich.table import Table

    from pedesis_zoo.models.registry import WEIGHTS, folder_of, list_models, recipe

    table = Table("model", "what", "kind", "MB")
    for name in list_models(pattern):
        size = (folder_of(name) / WEIGHTS).stat().st_size / 1e6
        table.add_row(name, recipe(name).title, recipe(name).kind, f"{size:.1f}")
    Console().print(table)


@app.command("card")
def card_command(name: Name) -> None:
    """Print a model card."""
    from pedesis_zoo.models.cards import card

    print(card(name))


@app.command()
def sample(
    name: Name,
    out: Annotated[Path, typer.Option(help="PNG file to write")] = Path("samples.png"),
    label: Annotated[
        str | None,
        typer.Option("--class", "--prompt", help="class name or number, or prompt; by default all in turn"),
    ] = None,
    number: Annotated[int, typer.Option("-n", "--number", min=1, max=10_000, help="how many pictures")] = 16,
    guidance: Annotated[float | None, typer.Option(help="0 unconditional, 1 plain, more is stronger")] = None,
    steps: Annotated[int | None, typer.Option(help="steps of the sampler")] = None,
    sampler: Annotated[str | None, typer.Option(help="ddpm, ddim, heun, dpm++2m, ...")] = None,
    grid: Annotated[str | None, typer.Option(help="where the steps are: uniform, quadratic, log-snr, rho")] = None,
    seed: Annotated[int, typer.Option(help="picture i has seed SEED + i")] = 0,
    palette: Palette = False,
    enlarge: Annotated[int, typer.Option(min=1, max=32, help="how many times to enlarge the pixels")] = 4,
    device: Device = "auto",
) -> None:
    """Draw pictures into one PNG."""
    from pedesis.utils.distributed import first
    from pedesis.utils.files import check_writable
    from pedesis.utils.images import make_grid as lay_out
    from pedesis.utils.images import resize_nearest as enlarge_pixels
    from pedesis.utils.images import save_png
    from pedesis_zoo.generation.batches import in_batches
    from pedesis_zoo.generation.pipeline import MAX_BATCH
    from pedesis_zoo.generation.sampling import generate
    from pedesis_zoo.models.loading import load

    if out.suffix.lower() != ".png":
        raise ValueError(f"pictures are written as PNG: name a file that ends in .png, not {out.name!r}")
    check_writable(out)
    model = load(name, found(device))
    in_turn = label is None and model.classes
    wanted = [i % len(model.classes) if in_turn else label for i in range(number)]
    choices: dict[str, Any] = {"guidance": guidance, "steps": steps, "sampler": sampler, "grid": grid}
    choices["palette"] = palette
    pixels = in_batches(lambda some, seeds: generate(model, some, seeds, **choices), wanted, seed, size=MAX_BATCH)
    settings = {"model": name, "class": str(label), "guidance": str(guidance), "steps": str(steps), "seed": str(seed)}
    if not first():
        return
    save_png(enlarge_pixels(lay_out(pixels), enlarge), out, settings)
    print(f"{number} pictures in {out}")


@app.command()
def train(
    name: Annotated[str | None, typer.Argument(help="a recipe", metavar="RECIPE")] = None,
    out: Annotated[Path, typer.Option(help="weight file to write; its checkpoint lies beside it")] = Path(
        "model.safetensors"
    ),
    data: Annotated[Path | None, typer.Option(help="train on the pictures of this folder instead")] = None,
    size: Annotated[int, typer.Option(min=8, max=64, help="side of the pictures of --data")] = 32,
    minutes: Annotated[float | None, typer.Option(help="train for about this long")] = None,
    steps: Annotated[int | None, typer.Option(help="train for this many steps")] = None,
    batch: Annotated[int | None, typer.Option(min=2, help="pictures per step")] = None,
    learning_rate: Annotated[float | None, typer.Option()] = None,
    optimizer: Annotated[str | None, typer.Option(help="adamw, or muon: for matrices, and AdamW for the rest")] = None,
    seed: Annotated[int | None, typer.Option(help="another one: other noise, other order of pictures")] = None,
    accumulate: Annotated[int | None, typer.Option(help="parts to compute a batch in, to need less memory")] = None,
    augment: Annotated[str | None, typer.Option(help="flip: mirror half of the pictures")] = None,
    validate: Annotated[float, typer.Option(help="share of the pictures to hold out, and measure the loss on")] = 0.0,
    start: Annotated[str | None, typer.Option(help="model or weight file to begin a new run from")] = None,
    origin: Annotated[
        list[str] | None, typer.Option(metavar="NEW=OLD", help="class NEW begins as class OLD of --start")
    ] = None,
    save_every: Annotated[float, typer.Option(min=0, help="seconds between checkpoints")] = 120.0,
    tensorboard: Annotated[Path | None, typer.Option(help="folder for TensorBoard's log")] = None,
    threads: Threads = 0,
    device: Device = "auto",
) -> None:
    """Train a recipe, or your own pictures. Interrupted runs go on where they stopped when called again."""
    import torch
    from tqdm import tqdm

    from pedesis.utils.files import check_writable
    from pedesis_zoo.models.registry import recipe
    from pedesis_zoo.training import run as training

    if (name is None) == (data is None):
        raise ValueError("name a recipe, or give --data FOLDER with your own pictures (one of the two)")
    check_writable(out)
    training.checkpoint_path(out)
    origins = _origins(origin or [])
    place = found(device)
    if threads:
        torch.set_num_threads(threads)
    changes: dict[str, Any] = {
        "minutes": minutes,
        "steps": steps,
        "batch": batch,
        "learning_rate": learning_rate,
        "optimizer": optimizer,
        "seed": seed,
        "accumulate": accumulate,
        "augment": augment,
        "validate": validate,
    }
    if data is not None:
        from pedesis_zoo.training.own_data import own_data, own_recipe

        images = own_data(data, size=size)
        plan = training.plan(own_recipe(images, start), images, **changes)
    else:
        assert name is not None
        plan = training.plan(recipe(name), **changes)
    if plan.config.steps is None and plan.config.minutes is None:
        print("no --steps or --minutes: training until interrupted (Ctrl-C keeps what was learned)", file=sys.stderr)

    log = _tensorboard(tensorboard)
    bar = tqdm(unit="step", disable=None, mininterval=1.0)

    def report(state: Any) -> None:
        bar.total, bar.n = state.steps, state.step - 1
        held = f", validation loss {state.validation:.4f}" if math.isfinite(state.validation) else ""
        bar.set_postfix_str(f"loss {state.loss:.4f}{held}, {state.per_second:.0f} images/s", refresh=False)
        bar.update()
        if state.step % 500 == 0 and bar.disable:
            left = state.seconds_left()
            rest = "" if left is None else f", {left / 60:.0f} min left"
            print(f"step {state.step}: loss {state.loss:.4f}{held}, {state.per_second:.0f} images/s{rest}", flush=True)
        if log is not None and state.step % 20 == 0:
            log.add_scalar("loss", state.loss, state.step)
            if plan.held is not None and math.isfinite(state.validation):
                log.add_scalar("validation loss", state.validation, state.step)

    with bar:
        written = training.train(plan, out, report, save_every, place, start, origins)
    print(f"trained weights in {written}")


def _origins(pairs: list[str]) -> dict[str, str | None]:
    if wrong := [pair for pair in pairs if "=" not in pair]:
        raise ValueError(f"--origin needs NEW=OLD, two names of classes; got {wrong[0]!r}")
    return {new: old for new, _, old in (pair.partition("=") for pair in pairs)}


def _tensorboard(folder: Path | None) -> Any:
    from pedesis.utils.distributed import first

    if folder is None or not first():
        return None
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ValueError("--tensorboard needs the package tensorboard: pip install tensorboard") from None
    return SummaryWriter(str(folder))


@app.command()
def publish(name: Name, weights: Annotated[Path, typer.Option(help="weight file to publish")]) -> None:
    """Put a trained weight file into the package (for maintainers): hash, golden output, picture and card."""
    from pedesis_zoo.training import publishing

    publishing.publish(name, weights)
    print(f"published {name}; card in {publishing.write_card(name)}")


@app.command()
def cards() -> None:
    """Write all model cards anew from the recipes and the kept measurements (for maintainers)."""
    from pedesis_zoo.models.registry import list_models
    from pedesis_zoo.training.publishing import write_card

    for name in list_models():
        print(write_card(name))


def main() -> None:
    """Run the command line; a user's mistake is one sentence and exit code 2, never a traceback."""
    try:
        with together():
            app(in_our_words(sys.argv[1:]), standalone_mode=True)
    except KeyboardInterrupt:
        sys.exit(130)
    except ModuleNotFoundError as error:
        if (extra := EXTRAS.get(error.name or "")) is None:
            raise
        print(f"error: this needs the package {error.name}: pip install 'pedesis-zoo[{extra}]'", file=sys.stderr)
        sys.exit(2)
    except (ValueError, FloatingPointError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
