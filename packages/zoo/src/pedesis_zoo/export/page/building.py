"""The folder of the page: sources, a runtime from npm, exported networks."""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from pedesis.samplers.base import walk_levels
from pedesis.utils.files import check_writable
from pedesis_zoo.data.tokenizer import SPELLINGS
from pedesis_zoo.export import onnx
from pedesis_zoo.generation.sampling import make_pipeline
from pedesis_zoo.models.loading import ImageModel, load
from pedesis_zoo.models.measurements import load_numbers

SOURCES = Path(__file__).parent
MODELS = ("fashion-mnist-student-1", "fashion-mnist-student-4", "heroes-student")
BITS = 8
RUNTIME = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs")
BINARY = "ort-wasm-simd-threaded.wasm"
ABOUT = "models.json"
CARD_METRICS = {
    "class accuracy": ("class accuracy", "class accuracy of real test images"),
    "Fréchet distance": ("Frechet distance", "Frechet distance of real training images"),
    "mentioned parts right": ("mentions right", "mentions right, real composites"),
    "whole prompts right": ("whole prompts right", "whole prompts right, real composites"),
}
"""What the page says of a model: the measured number, and the same of real pictures."""


def page(out: str | Path) -> Path:
    """Write the page into a folder, whole or not at all; an earlier page there is replaced.

    Raises:
        ValueError: the folder holds something else or cannot be written; npm, or a package for export, is missing.
    """
    out = Path(out)
    check_place(out)
    with runtime() as package, TemporaryDirectory(dir=out.parent, prefix=".page-") as temporary:
        folder = Path(temporary) / "page"
        (folder / "large").mkdir(parents=True)
        small = [*sources(folder), *(copied(package / "dist" / name, folder / "ort") for name in RUNTIME)]
        binary = kept((package / "dist" / BINARY).read_bytes(), f"ort-{version(package)}.wasm", folder)
        about = {"runtime": binary, "models": {name: model(name, folder) for name in MODELS}}
        names = ["./", ABOUT, *(path.relative_to(folder).as_posix() for path in small)]
        (folder / ABOUT).write_text(json.dumps({**about, "small": names}, indent=1, allow_nan=False) + "\n")
        if out.exists():
            shutil.rmtree(out)
        folder.replace(out)
    return out


def check_place(out: Path) -> None:
    """ValueError unless the page may lie there."""
    if out.is_dir():
        if any(out.iterdir()) and not ((out / ABOUT).is_file() and (out / "walk.js").is_file()):
            raise ValueError(f"{out} holds other files; name a new folder, or one that holds an earlier page")
    else:
        check_writable(out)
        if out.exists():
            raise ValueError(f"{out} is a file; name a folder")


@contextmanager
def runtime() -> Iterator[Path]:
    """The folder of onnxruntime-web, as the lock file has it: npm checks its version and its digest."""
    if (npm := shutil.which("npm")) is None:
        raise ValueError("the page needs npm once, for ONNX Runtime: install Node.js (https://nodejs.org)")
    with TemporaryDirectory() as folder:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SOURCES / name, folder)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise ValueError(f"npm could not fetch ONNX Runtime: {done.stderr.strip() or done.stdout.strip()}")
        yield Path(folder) / "node_modules" / "onnxruntime-web"


def version(package: Path) -> str:
    return str(json.loads((package / "package.json").read_text())["version"])


def sources(folder: Path) -> list[Path]:
    """Copy the page's own files."""
    own = [path for path in sorted(SOURCES.iterdir()) if path.suffix in (".html", ".css", ".js")]
    return [copied(path, folder) for path in own]


def copied(path: Path, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return Path(shutil.copyfile(path, folder / path.name))


def kept(content: bytes, name: str, folder: Path) -> dict[str, Any]:
    """Store a large file compressed, under a name that changes with its content."""
    packed = gzip.compress(content, 9, mtime=0)
    stem, _, suffix = name.rpartition(".")
    path = folder / "large" / f"{stem}-{hashlib.sha256(content).hexdigest()[:12]}.{suffix}.gz"
    path.write_bytes(packed)
    return {"file": path.relative_to(folder).as_posix(), "bytes": len(packed)}


def model(name: str, folder: Path) -> dict[str, Any]:
    """Export the denoiser of a model; what the page has to know of it."""
    with TemporaryDirectory() as temporary:
        content = onnx(name, Path(temporary) / "model.onnx", "denoiser", BITS).read_bytes()
    known = load(name, "cpu")
    process, usual = known.denoiser.process, known.generation
    levels = [asdict(level) for level in walk_levels(process, make_pipeline(known).times)]
    about = {
        **kept(content, f"{name}.onnx", folder),
        "shape": known.shape,
        "classes": known.classes,
        "guidance": usual.guidance,
        "scales": usual.scales,
        "spread": float(process.prior(torch.zeros(1)).var.sqrt()),
        "levels": [{**level, "log_snr": finite(level["log_snr"])} for level in levels],
        "card": card_line(name, known),
    }
    if text := known.text:
        about |= {"vocabulary": text.vocabulary, "length": text.length, "spellings": SPELLINGS}
    return about


def finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def card_line(name: str, known: ImageModel) -> str:
    """One sentence of measured numbers, each with that of real pictures."""
    numbers = {key: value for results in load_numbers(name).values() for key, (value, _, _) in results.items()}
    weights = sum(weight.numel() for weight in known.denoiser.parameters())
    facts = [f"{weights / 1e6:.1f} million weights"]
    for what, (key, real_key) in CARD_METRICS.items():
        if key in numbers and real_key in numbers:
            facts.append(f"{what} {numbers[key]:.3g} ({numbers[real_key]:.3g} of real_key pictures)")
    return f"{name}: {', '.join(facts)}."
