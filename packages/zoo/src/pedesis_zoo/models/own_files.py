"""Weight files of your own: which files of a folder can draw, and what one of them says of itself."""

from __future__ import annotations

from pathlib import Path

from pedesis_zoo.models.measurements import numbers_text
from pedesis_zoo.models.registry import weight_files
from pedesis_zoo.models.weights import file_sha256, load_weights


def drawable(folder: Path) -> tuple[dict[str, Path], list[str]]:
    """The weight files of a folder that draw pictures, by file name; and a sentence on each that was left out.

    Raises:
        ValueError: there is no such folder.
    """
    usable, left_out = {}, []
    for name, path in weight_files(folder).items():
        try:
            kind = load_weights(path)[1]["kind"]
        except ValueError as error:
            left_out.append(f"left out: {error}")
            continue
        if kind == "image":
            usable[name] = path
        else:
            left_out.append(f"left out: {path} is a model of kind {kind!r}, which draws no pictures")
    return usable, left_out


def own_card(path: Path) -> str:
    """What a weight file says of itself, and what was measured of it, as Markdown."""
    module, about = load_weights(path)
    data, training, usual = about["data"], about.get("training", {}), about.get("generation")
    parameters = sum(weights.numel() for weights in module.parameters())
    facts = {
        "kind": about["kind"],
        "parameters": f"{parameters:,} ({path.stat().st_size / 1e6:.1f} MB, safetensors)",
        "sha256": f"`{file_sha256(path)}`",
        "data": f"{data['name']}, {' x '.join(map(str, data['shape']))}; license of the data: {data['license']}",
        "classes": ", ".join(data["classes"]) or "none",
        "license of the weights": about.get("license", "not said"),
        "trained for": ", ".join(f"{number:,} {unit}" for unit, number in training.items()) or "not said",
    }
    if usual is not None:
        settings = ("sampler", "steps", "grid", "guidance", "interval")
        facts["usual settings"] = ", ".join(f"{key} {usual[key]}" for key in settings if usual.get(key) is not None)
    table = "| | |\n|---|---|\n" + "\n".join(f"| {key} | {value} |" for key, value in facts.items())
    measured = numbers_text(str(path)) or f"Nothing yet: `python -m pedesis_zoo evaluate {path} --save`."
    return f"# {path.stem}\n\n{table}\n\n## Measured\n\n{measured}\n"
