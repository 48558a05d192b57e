"""How everything here is measured: rates, medians, ratios in alternating order, and what a fresh process costs."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

HERE = Path(__file__).parent
RESULTS = HERE / "results"
Work = Callable[[], float]
"""Does a piece of work and says how many units it was (images, evaluations, floating-point operations)."""


def rate(work: Work, seconds: float) -> float:
    """Units per second, over at least `seconds` and at least one piece of work."""
    done, start = 0.0, time.perf_counter()
    while done == 0 or time.perf_counter() - start < seconds:
        done += work()
    return done / (time.perf_counter() - start)


def summary(values: Sequence[float]) -> dict[str, float]:
    """Median, smallest and largest of the repetitions."""
    return {"median": statistics.median(values), "low": min(values), "high": max(values), "count": len(values)}


def alternate(ours: Work, theirs: Work, repetition: int, seconds: float) -> tuple[float, float]:
    """Both rates, measured one right after the other; the order changes with each repetition."""
    if repetition % 2:
        second = rate(theirs, seconds)
        return rate(ours, seconds), second
    return rate(ours, seconds), rate(theirs, seconds)


def steps_within(seconds: float, run: Callable[[int], float]) -> int:
    """How many steps take so many seconds, where `run` takes steps and says the seconds: from a twentieth of them."""
    run(3)
    few = max(5, round(5 * seconds / 20 / max(run(5), 1e-9)))
    return max(10, round(few * seconds / run(few)))


def probe(function: str, **arguments: Any) -> dict[str, Any]:
    """Run a function of `probes.py` in a process of its own, with the wall time of the whole process added."""
    start = time.perf_counter()
    command = [sys.executable, str(HERE / "probes.py"), function, json.dumps(arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{result.stderr}")
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return {**found, "process seconds": time.perf_counter() - start}


def memory(key: str = "VmHWM") -> float:
    """MiB of this process from Linux's accounts: VmHWM is the peak, VmRSS the present (not inherited from a parent)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"this system does not account for {key}")


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    try:
        listing = subprocess.run(
            ["lscpu"], capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"}
        )
        fields = dict(line.split(":", 1) for line in listing.stdout.splitlines() if ":" in line)
    except (OSError, subprocess.CalledProcessError):
        fields = {}
    flags = fields.get("Flags", "").split()
    return {
        "processor": fields.get("Model name", platform.processor() or platform.machine()).strip(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "bf16 instructions": [flag for flag in ("amx_bf16", "avx512_bf16", "bf16") if flag in flags],
        "python": platform.python_version(),
        "torch": torch.__version__,
        "load at the start": round(os.getloadavg()[0], 1),
    }


def save(
    name: str, data: dict[str, Any], command: str, started: float, described: dict[str, Any], folder: Path
) -> None:
    """Write results/NAME.json: what was found, on which machine, when, and by which command."""
    folder.mkdir(parents=True, exist_ok=True)
    record = {
        "command": command,
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "minutes": round((time.time() - started) / 60, 1),
        "machine": described,
        **data,
    }
    (folder / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")


def interval(values: NDArray[np.float64], rounds: int = 2000) -> dict[str, float]:
    """The mean over seeds, with the 2.5 % and 97.5 % quantiles of means of resampled seeds."""
    again = np.random.default_rng(0).choice(values, (rounds, len(values))).mean(1)
    low, high = np.quantile(again, [0.025, 0.975])
    return {"mean": float(values.mean()), "low": float(low), "high": float(high)}
