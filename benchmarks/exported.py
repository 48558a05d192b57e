"""e) The generator of a student as one ONNX file, beside the same steps in torch: pictures per second, side by side."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
from measure import alternate, summary

STUDENTS = ("fashion-mnist-student-1", "fashion-mnist-student-4", "heroes-student")
BATCHES = (1, 8)


def run(quick: bool = False) -> dict[str, Any]:
    """Rates of both for each student and batch, and the ratio within pairs; both have the same number of threads."""
    import numpy as np
    import onnxruntime

    from pedesis.utils.precision import full_precision
    from pedesis_zoo import load
    from pedesis_zoo.export import onnx
    from pedesis_zoo.export.onnx_files import traced
    from pedesis_zoo.models.loading import load_any

    repeats, seconds = (1, 0.0) if quick else (7, 2.0)
    threads, rows = onnxruntime.SessionOptions(), []
    threads.intra_op_num_threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as folder:
        for name in STUDENTS[:1] if quick else STUDENTS:
            file = onnx(name, Path(folder) / f"{name}.onnx")
            session = onnxruntime.InferenceSession(str(file), threads)
            module, about, _ = load_any(name)
            _, inputs, _ = traced("generator", module, about, name)
            model = load(name)
            for batch in BATCHES:
                given = {key: np.resize(value.numpy(), (batch, *value.shape[1:])) for key, value in inputs.items()}
                one = partial(_exported, session, given, batch)
                for setting, precision in (("float32", full_precision), ("as shipped", nullcontext)):
                    other = partial(_ours, model, batch, precision)
                    one(), other()
                    pairs = [alternate(one, other, i, seconds) for i in range(repeats)]
                    found = {"exported": [e for e, _ in pairs], "ours": [o for _, o in pairs]}
                    found["ratio"] = [e / o for e, o in pairs]
                    row = {key: summary(values) for key, values in found.items()}
                    rows.append({"model": name, "batch": batch, "torch": setting, **row})
                    print(f"  {name}, {batch} at once, {setting}: {row['ratio']['median']:.2f}", flush=True)
    return {"rows": rows, "onnxruntime": onnxruntime.__version__}


def _exported(session: Any, given: dict[str, Any], batch: int) -> float:
    session.run(None, given)
    return float(batch)


def _ours(model: Any, batch: int, precision: Callable[[], AbstractContextManager[None]]) -> float:
    from pedesis_zoo import sample

    with precision():
        sample(model, None, range(batch), progress=False)
    return float(batch)
