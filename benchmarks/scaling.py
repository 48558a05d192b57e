"""c) What more work costs: pictures, their side, the training batch; and what it costs to begin."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any

from measure import probe


def weights(folder: Path, side: int) -> Path:
    """A weight file of the shipped configuration for pictures of this side; fresh weights cost what trained ones do."""
    import numpy as np

    from pedesis_zoo.data.sets import ImageSet
    from pedesis_zoo.models.registry import recipe
    from pedesis_zoo.training.run import plan, train

    pixels = np.zeros((8, side, side, 1), np.uint8)
    images = ImageSet("nothing", pixels, np.arange(8), tuple("0123456789"), "")
    return train(plan(recipe("fashion-mnist"), images, batch=1, steps=1), folder / f"{side}.safetensors")


def run(quick: bool = False) -> dict[str, Any]:
    """All of it; each point is a process of its own, so that its memory is its own."""
    counts = (9,) if quick else (1, 4, 16, 64, 256, 1024)
    sides = (28,) if quick else (16, 28, 32, 48, 64)
    batches = (2,) if quick else (16, 32, 64, 128, 256)
    steps = 1 if quick else None

    def told(what: str, found: dict[str, Any]) -> dict[str, Any]:
        print(f"  {what}: {', '.join(f'{key} {value:.3g}' for key, value in found.items())}", flush=True)
        return found

    with tempfile.TemporaryDirectory() as name:
        models = {side: str(weights(Path(name), side)) for side in sides}
        repeats = 1 if quick else 3
        beginning = {
            "imports": [told("imports", probe("imports")) for _ in range(repeats)],
            "lists": [told("lists", probe("lists")) for _ in range(repeats)],
        }
        if not quick:
            beginning["first"] = [told("first", probe("first", model="fashion-mnist")) for _ in range(repeats)]
            for model in ("heroes", "heroes-student"):
                beginning[model] = [told(f"nine of {model}", probe("nine", model=model)) for _ in range(repeats)]
        pictures = [
            told(f"{n} pictures", probe("generate", model="fashion-mnist", count=n, steps=steps)) for n in counts
        ]
        side = [told(f"side {s}", probe("generate", model=models[s], count=16, steps=steps)) for s in sides]

        def trained(batch: int, side: int) -> dict[str, Any]:
            found = [probe("train", batch=batch, side=side, steps=3 if quick else 8) for _ in range(repeats)]
            return told(f"training, batch {batch}, side {side}", _middle(found))

        training = [trained(batch, 28) for batch in batches]
        by_side = [] if quick else [trained(64, side) for side in sides]
    return {
        "beginning": {name: _middle(found) for name, found in beginning.items()},
        "pictures": [{"count": n, **found} for n, found in zip(counts, pictures, strict=True)],
        "side": [{"side": s, **found} for s, found in zip(sides, side, strict=True)],
        "training batch": [{"batch": b, **found} for b, found in zip(batches, training, strict=True)],
        "training side": [{"side": s, **found} for s, found in zip(sides, by_side, strict=False)],
    }


def _middle(repetitions: list[dict[str, Any]]) -> dict[str, Any]:
    return {key: statistics.median(r[key] for r in repetitions) for key in repetitions[0]}
