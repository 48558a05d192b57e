"""Putting a trained model into the package: weights, their hash in the recipe, a golden output, and the card."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pedesis.denoiser import NetworkDenoiser
from pedesis.guidance.classifiers import AttributeClassifier, CleanClassifier, NoisyClassifier
from pedesis.utils.files import atomic
from pedesis.utils.images import make_grid, save_png, to_model
from pedesis.utils.images import resize_nearest as repeat_pixels
from pedesis.utils.noise import PerSeed
from pedesis.utils.precision import full_precision
from pedesis_zoo.data.captioned import COMPOSED, provenance, words_of
from pedesis_zoo.data.load import pictures
from pedesis_zoo.data.points import load_points as load_data_points
from pedesis_zoo.evaluation.levels import learn_levels
from pedesis_zoo.evaluation.plots import PLOTS, draw_curve
from pedesis_zoo.evaluation.points import density_picture
from pedesis_zoo.evaluation.prompts import real_prompts
from pedesis_zoo.evaluation.super_resolution import upscaled
from pedesis_zoo.generation.points import sample_points
from pedesis_zoo.generation.sampling import sample
from pedesis_zoo.models.loading import known_data, load, load_any, load_points, zoo_data
from pedesis_zoo.models.measurements import curves_of, load_table, numbers_text
from pedesis_zoo.models.packing import rounded
from pedesis_zoo.models.recipe import Recipe
from pedesis_zoo.models.registry import CARD, GOLDEN, WEIGHTS, folder_of, recipe
from pedesis_zoo.models.weights import ATTRIBUTE_CLASSIFIER, SUPER_RESOLUTION, load_weights, save_weights

FEATURE_EXTRACTORS = ("clean-classifier", ATTRIBUTE_CLASSIFIER)
"""Kinds of models that measure others: published numbers rest on every bit of them, so they are never packed."""


def publish(name: str, weights: Path) -> None:
    """Make a weight file the published one of a recipe. Raises ValueError if the file is not whole."""
    module, about = load_weights(weights)
    known, folder = recipe(name), folder_of(name)
    if about["kind"] != known.kind:
        raise ValueError(f"{weights} holds a {about['kind']}, but the recipe {name!r} is of a {known.kind}")
    if zoo_data(about) != known.data:
        raise ValueError(f"{weights} was not trained on the recipe's data, {known.data!r}: it says {about['data']}")
    packed = known.kind not in FEATURE_EXTRACTORS
    if packed:
        rounded(module)  # what is learned of it below is learned of what will be loaded
    about |= {"generation": asdict(known.generation), "license": known.license}  # settings may be chosen after training
    if known.kind == "image":
        assert isinstance(module, NetworkDenoiser)
        about["variance"] = mean_variance(module, known.data)
    described = {key: value for key, value in about.items() if key not in ("format", "model")}
    sha256 = save_weights(folder / WEIGHTS, module, described, packed=packed)
    source = (folder / "recipe.py").read_text()
    (folder / "recipe.py").write_text(re.sub(r'sha256="[0-9a-f]*"', f'sha256="{sha256}"', source))
    recipe.cache_clear()
    module, about, _ = load_any(name)
    with atomic(folder / GOLDEN) as temporary:
        save_file(golden(module, about["data"]["shape"], len(about["data"]["classes"])), temporary)
    if known.kind == "image":
        write_samples(name)
    if known.kind == SUPER_RESOLUTION:
        write_enlarged(name)
    if known.kind == "points":
        write_cloud(name)


def mean_variance(denoiser: NetworkDenoiser, data: str, number: int = 512) -> dict[str, list[float]]:
    """The analytic variance of a model, for its weight file: see `ImageModel.with_variance`."""
    table = learn_levels(denoiser, to_model(pictures(data, "train", number))).table
    return {"log_snrs": table.log_snrs.tolist(), "variances": table.variances.tolist()}


def golden(module: nn.Module, shape: list[int], classes: int) -> dict[str, Tensor]:
    """A fixed input and the model's float32 answer, so that an installation can be checked."""
    x = PerSeed(range(4))(torch.empty(4, *shape))
    with full_precision():
        return {"x": x, "answer": golden_answer(module, x, classes)}


def golden_answer(module: nn.Module, x: Tensor, classes: int) -> Tensor:
    """What a model says to the golden input, in the arithmetic in force."""
    t = torch.tensor([0.1, 0.4, 0.7, 1.0], dtype=torch.float64)
    label = golden_condition(module, classes)
    with torch.no_grad():
        if isinstance(module, NetworkDenoiser):
            answer: Tensor = module(x, t, label).x0
        elif isinstance(module, AttributeClassifier):
            answer = torch.cat(module.log_probs(x), dim=1)
        elif isinstance(module, NoisyClassifier):
            answer = module.log_probs(x, t)
        else:
            assert isinstance(module, CleanClassifier)
            answer = module.log_probs(x)
    return answer.contiguous()


def golden_condition(module: nn.Module, classes: int) -> Tensor | None:
    """What the four rows of the golden output are asked for: a class each, or three words each."""
    text = module.option("text") if isinstance(module, NetworkDenoiser) else None
    if text is not None:
        return torch.arange(12).reshape(4, 3) % len(text.vocabulary) + 1
    return torch.arange(4) % classes if classes else None


def kept_golden(name: str) -> dict[str, Tensor]:
    """The golden input and answer of a published model."""
    return load_file(folder_of(name) / GOLDEN)


def write_samples(name: str) -> None:
    """The picture of the card: a column of each class, eight seeds down; or, for a text model, of its prompts."""
    model = load(name, "cpu")
    if model.text is not None:
        _, real, captions = real_prompts(known_data(model.about), 24, "held-out", seed=78)
        pixels = sample(model, captions, range(24))
        sheet = np.concatenate([part[i : i + 8] for i in range(0, 24, 8) for part in (real.pixels, pixels)])
        save_png(repeat_pixels(make_grid(sheet, 8, gap=1), 3), folder_of(name) / "samples.png")
        return
    columns = len(model.classes) or 10
    wanted = [i % columns for i in range(8 * columns)] if model.classes else None
    pixels = sample(model, wanted, range(8 * columns))
    factor = max(1, 64 // model.shape[1])
    save_png(repeat_pixels(make_grid(pixels, columns, gap=1), factor), folder_of(name) / "samples.png")


def write_enlarged(name: str) -> None:
    """The picture of the card of super-resolution: small pictures, what it makes of them, and the truth."""
    model = load(name, "cpu")
    real = pictures(known_data(model.about), "test", 24)
    small, generated = upscaled(model, real, 0)
    rough = repeat_pixels(small, model.denoiser.option("enlarges"))
    sheet = np.concatenate([part[i : i + 8] for i in range(0, 24, 8) for part in (rough, generated, real)])
    save_png(repeat_pixels(make_grid(sheet, 8, gap=1), 3), folder_of(name) / "samples.png")


def write_cloud(name: str) -> None:
    """The picture of the card of a model of points: the data on the left, what it draws on the right."""
    model = load_points(name)
    data = load_data_points(known_data(model.about))
    pictures = [density_picture(cloud) for cloud in (data.points, sample_points(model, len(data.points)))]
    save_png(repeat_pixels(make_grid(np.stack(pictures), 2, gap=1), 2), folder_of(name) / "samples.png")


def write_card(name: str) -> Path:
    """Make the model card from the recipe, the weight file and the kept measurements; and plots of the curves."""
    for curve in curves_of(name):
        draw_curve(name, curve)
    path = folder_of(name) / CARD
    with atomic(path) as temporary:
        temporary.write_text(card_text(name))
    return path


def card_text(name: str) -> str:
    """The card, as Markdown with the front matter that model hubs read."""
    known: Recipe = recipe(name)
    module, about, _ = load_any(name)
    data, training = about["data"], about["training"]
    parameters = sum(p.numel() for p in module.parameters())
    size = (folder_of(name) / WEIGHTS).stat().st_size / 1e6
    stored = "float16" if about["format"] == 1 else "8 bits and a scale per channel"
    front = [
        "---",
        "library_name: pedesis",
        f"license: {known.license.lower()}",
        f"datasets: [{data['name']}]",
        *([f"pipeline_tag: {task}"] if (task := task_of(known)) else []),
        "---",
    ]
    facts = [
        ("kind", known.kind),
        ("parameters", f"{parameters:,} ({size:.1f} MB, safetensors, {stored})"),
        ("sha256", f"`{known.sha256}`"),
        ("data", f"{data['name']}, {' x '.join(map(str, data['shape']))}; license of the data: {data['license']}"),
        ("classes", ", ".join(data["classes"]) or "none"),
        ("license of the weights", known.license),
        ("trained with", f"`{known.trained_with or f'python -m pedesis_zoo train {name}'}`"),
        ("on", known.hardware),
        ("for", f"{training['hours']:.2f} hours, {training['steps']:,} steps, {training['images']:,} images"),
    ]
    if known.kind in ("image", "points", SUPER_RESOLUTION):
        usual = known.generation
        facts.append(
            (
                "usual settings",
                f"sampler {usual.sampler}, {usual.steps} steps, grid {usual.grid}, guidance {usual.guidance:g}"
                + ("" if usual.interval is None else " for log-SNR from {:g} to {:g}".format(*usual.interval)),
            )
        )
    parts = ["\n".join(front), f"# {name}", known.title + "."]
    if known.kind == "image":
        parts.append(samples_text(name, bool(about["model"]["network"].get("text"))))
    parts.append("| | |\n|---|---|\n" + "\n".join(f"| {key} | {value} |" for key, value in facts))
    if known.kind == SUPER_RESOLUTION:
        parts.append(
            "![Enlarged pictures](samples.png)\n\nOf each three rows: the picture, `factor` times smaller; what "
            f"`pedesis_zoo.generation.editing.upscale(load({name!r}), small)` draws of it; the picture itself."
        )
    if known.kind == "points":
        parts.append(
            f"![Data, and what it draws](samples.png)\n\nLeft data, right `pedesis_zoo.sample_points({name!r}, ...)`."
        )
    if known.notes:
        parts.append(known.notes)
    if known.kind == "image" and known.network.get("text"):
        parts.append(f"## What it can be asked for\n\n{words_of(known.data)}")
    if known.data in COMPOSED:
        parts.append(f"## Where its data come from\n\n{provenance(known.data)}")
    parts.append("## Measured\n\n" + (numbers_text(name) or "Nothing yet."))
    parts += [curve_text(name, curve) for curve in curves_of(name)]
    return "\n\n".join(parts) + "\n"


def task_of(known: Recipe) -> str | None:
    """What model hubs call the task of a model."""
    if known.kind == "image":
        return "text-to-image" if known.network.get("text") else "unconditional-image-generation"
    return {"clean-classifier": "image-classification", SUPER_RESOLUTION: "image-to-image"}.get(known.kind)


def samples_text(name: str, text: bool) -> str:
    """What the picture of a card of a model of pictures shows."""
    if not text:
        return f"![One column per class](samples.png)\n\n`pedesis_zoo.sample({name!r}, ...)`, seeds 0, 1, 2, ..."
    return (
        "![Composed and drawn pictures](samples.png)\n\nOdd rows: composed pictures with attributes that training "
        f"never showed together. Below each, what `pedesis_zoo.sample({name!r}, caption)` draws from its caption "
        "alone, which names some of them."
    )


def curve_text(name: str, curve: str) -> str:
    """A kept curve on a card: its plot, or its rows where it is a plain table; and the command that made it."""
    table = load_table(name, curve)
    file = f"curves/{curve}"
    if curve in PLOTS:
        shown = f"![{curve}]({file}.png)\n\n{PLOTS[curve].__doc__} Numbers: [{file}.csv]({file}.csv)."
    else:
        rows = [list(table.columns), ["---"] * len(table.columns), *zip(*table.columns.values(), strict=True)]
        shown = "\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows)
    return f"## Curve: {curve}\n\n    {table.command}\n\n{shown}"
