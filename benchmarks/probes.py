"""What has to be measured in a process of its own: memory, imports, the first picture.

`python benchmarks/probes.py FUNCTION '{"argument": value}'` prints what the function returns, as JSON.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

Found = dict[str, Any]


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def imports() -> Found:
    """Seconds to import torch, then what the zoo adds: the package, and the part that loads and generates."""

    def everything() -> None:
        from pedesis_zoo import generate, load  # noqa: F401

    torch = _seconds(lambda: __import__("torch"))
    zoo = _seconds(lambda: __import__("pedesis_zoo"))
    return {"torch": torch, "pedesis_zoo": zoo, "load and generate": _seconds(everything)}


def lists() -> Found:
    """Seconds to import the zoo, list its models and read its cards; and whether that imported torch."""

    def work() -> None:
        import pedesis_zoo

        for name in pedesis_zoo.list_models():
            pedesis_zoo.card(name)

    return {"seconds": _seconds(work), "imports torch": "torch" in sys.modules}


def first(model: str) -> Found:
    """The first picture of a fresh process, then one more and 64 with the model's own settings."""
    start = time.perf_counter()
    from pedesis_zoo import load, sample

    loaded = load(model)
    ready = time.perf_counter()
    wanted = 0 if loaded.classes else None
    first_picture = _seconds(lambda: sample(loaded, wanted, [0]))
    one = [_seconds(lambda: sample(loaded, wanted, [1])) for _ in range(5)]
    many = [_seconds(lambda: sample(loaded, wanted, range(64))) for _ in range(3)]
    return {
        "import and load": ready - start,
        "first picture after loading": first_picture,
        "one picture": statistics.median(one),
        "64 pictures": statistics.median(many),
        "64 pictures, slowest": max(many),
    }


def nine(model: str) -> Found:
    """Seconds for nine pictures of a prompt with the model's own settings."""
    from pedesis_zoo import load, sample

    loaded = load(model)
    draw = lambda: _seconds(lambda: sample(loaded, "an orc woman in a red robe, holding an axe", range(9)))  # noqa: E731
    return {"seconds": statistics.median(draw() for _ in range(3))}


def generate(model: str, count: int, steps: int | None = None) -> Found:
    """Seconds for each picture and memory of one call for `count` pictures."""
    from measure import memory

    from pedesis_zoo import load, sample

    loaded = load(model)
    wanted = 0 if loaded.classes else None
    sample(loaded, wanted, [0], steps=steps)
    before = memory()
    times = [
        _seconds(lambda: sample(loaded, wanted, range(count), steps=steps)) for _ in range(3 if count <= 64 else 1)
    ]
    return {
        "seconds for each": statistics.median(times) / count,
        "peak MiB": memory(),
        "above one picture": memory() - before,
    }


def grouped(model: str, sizes: tuple[int, ...] = (1, 2, 8, 64), repeats: int = 9) -> Found:
    """CPU milliseconds of a step of one call for that many guided pictures, of one thread, in turn; medians."""
    import torch

    from pedesis_zoo import load, sample

    torch.set_num_threads(1)
    loaded, found = load(model), {size: list[float]() for size in sizes}
    wanted = 0 if loaded.classes else None
    sample(loaded, wanted, [0])
    for _ in range(repeats):
        for size in sizes:
            start = time.process_time()
            sample(loaded, wanted, range(size))
            found[size].append(1000 * (time.process_time() - start) / loaded.generation.steps)
    return {f"{size} pictures": statistics.median(times) for size, times in found.items()}


def train(batch: int, side: int, steps: int) -> Found:
    """Memory and speed of a few steps of `pedesis.training.fit`, on random pictures."""
    import numpy as np
    import torch
    from measure import memory

    from pedesis.losses import Loss
    from pedesis.training import ArrayBatches, fit
    from pedesis_zoo.data.sets import ImageSet
    from pedesis_zoo.models.registry import recipe
    from pedesis_zoo.models.weights import build
    from pedesis_zoo.training.run import plan

    pixels = np.random.default_rng(0).integers(0, 256, (max(batch, 128), side, side, 1), dtype=np.uint8)
    labels = np.arange(len(pixels)) % 10
    chosen = plan(
        recipe("fashion-mnist"), ImageSet("noise", pixels, labels, tuple("0123456789"), ""), batch=batch, steps=steps
    )
    model = build("image", chosen.model_spec)
    before = memory()
    batches = ArrayBatches(pixels, torch.as_tensor(labels), batch)
    for state in fit(model, batches, Loss(**chosen.recipe.loss), chosen.config):
        rate = state.per_second
    return {"images for each second": rate, "peak MiB": memory(), "above the model": memory() - before}


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](**json.loads(sys.argv[2]))))
