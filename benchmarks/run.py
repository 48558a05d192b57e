"""`python benchmarks/run.py throughput|scaling|limit|exported|all [--minutes 20]`: results/*.json and the document."""

from __future__ import annotations

import os

os.environ.setdefault(
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY", "8192"
)  # so that many networks side by side do not evict another

import argparse
import shlex
import sys
import time
from pathlib import Path

import exported
import limit
import report
import scaling
import throughput
import torch
from measure import RESULTS, machine, save


def main(arguments: list[str] | None = None) -> None:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["throughput", "scaling", "limit", "exported", "all"])
    parser.add_argument("--minutes", type=float, default=20, help="stop repeating by then (three repetitions at least)")
    parser.add_argument(
        "--compile", action="store_true", help="let everybody try torch.compile as well (minutes for each)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes, to see that it runs; the numbers mean nothing"
    )
    parser.add_argument("--no-peers", action="store_true", help="measure only our own side")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--document", type=Path, default=report.DOCUMENT)
    chosen = parser.parse_args(arguments)
    command = shlex.join(["python", "benchmarks/run.py", *(sys.argv[1:] if arguments is None else arguments)])
    deadline = time.time() + 60 * chosen.minutes

    torch.manual_seed(0)
    parts = {
        "limit": lambda: limit.run(chosen.quick),
        "scaling": lambda: scaling.run(chosen.quick),
        "exported": lambda: exported.run(chosen.quick),
        "throughput": lambda: throughput.run(deadline, chosen.compile, not chosen.no_peers, chosen.quick),
    }
    for name, measure in parts.items():
        if chosen.what in (name, "all"):
            print(name, flush=True)
            started, described = time.time(), machine()
            save(name, measure(), command, started, described, chosen.out)
    report.write(chosen.out, chosen.document)


if __name__ == "__main__":
    main()
