"""The benchmarks run, on our own side and in tiny sizes, and the document says what the result files say."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tests import processes
from tests.servers import CHROMIUM

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def bench(folder: Path, script: str, *arguments: str, first: str = "") -> str:
    """Run a script, after the line `first`, with its results in `folder`; the document."""
    document = folder / "benchmarks.md"
    command = [str(BENCHMARKS / script), *arguments, "--out", str(folder), "--document", str(document)]
    program = f"""
import runpy, sys
{first}
sys.argv = {command}
sys.path.insert(0, {str(BENCHMARKS)!r})
runpy.run_path(sys.argv[0], run_name="__main__")
"""
    ran = processes.start(program, BENCHMARKS.parent)
    ran.wait(300)
    assert ran.returncode == 0, ran.stderr.read_text()
    return document.read_text()


def test_quick_run_of_our_own_side(tmp_path: Path) -> None:
    document = bench(tmp_path, "run.py", "all", "--quick", "--no-peers")

    found = {path.stem: json.loads(path.read_text()) for path in tmp_path.glob("*.json")}
    assert set(found) == {"throughput", "scaling", "limit", "exported"}
    ours, as_generated = found["throughput"]["subjects"]
    assert ours["parameters"] == as_generated["parameters"] > 1e6
    assert ours["training"]["rate"]["median"] > 0
    assert found["limit"]["network"]["training"]["gflop of a picture"] > 2 * ours["gflop"]
    assert not found["scaling"]["beginning"]["lists"]["imports torch"]
    for heading in ("Speed beside other libraries", "Cost as the work grows", "Distance to the limit"):
        assert f"## {heading}" in document
    assert "## Exported generators beside torch" in document
    assert "python benchmarks/run.py all --quick --no-peers" in document


def test_one_step_methods_side_by_side(tmp_path: Path) -> None:
    """Every method has its row, and drifting no second evaluation."""
    document = bench(tmp_path, "one_step.py", "--quick", "--data", "moons")
    task = json.loads((tmp_path / "one_step-moons.json").read_text())
    found = {row["method"]: row["distances"] for row in task["methods"]}
    assert len(found) == 7 and list(found["drifting"]) == ["1"]
    assert all(list(row) == ["1", "2", "4"] for name, row in found.items() if name != "drifting")
    for row in found.values():
        for each in row.values():
            assert [each["mean"]] == each["seeds"] and each["low"] == each["mean"] == each["high"]
    assert [row["steps"] for row in task["methods"]] == [5, 15, 20, 5, 5, 5, 5], (
        "students are three, or four with theirs"
    )
    assert found["drifting"]["1"]["mean"] > task["floor"]
    assert "| shortcut | " in document and "## One-step methods side by side" in document
    assert (tmp_path / "pictures/one-step-moons.png").is_file()


def test_ablations_of_training(tmp_path: Path) -> None:
    """A change has its row, and Muon takes another way than AdamW from the same start."""
    muon, halved = "Muon for matrices, AdamW for the rest", "half the learning rate"
    fewer = "from pedesis_zoo.evaluation import images; images.REFERENCES = 500"
    document = bench(tmp_path, "ablations.py", "--quick", "--only", muon, halved, first=fewer)
    rows = json.loads((tmp_path / "ablations.json").read_text())["rows"]
    assert list(rows) == [muon, halved] and all(row["steps"] == 2 for (row,) in rows.values())
    errors = [row["error of v"] for (row,) in rows.values()]
    assert errors[0] != errors[1] and all(0.1 < error < 1.5 for error in errors)
    assert f"| {muon} | 1.49 M | 2 | " in document and "## Ablations of training" in document


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
def test_the_explorer_opens(tmp_path: Path) -> None:
    document = bench(tmp_path, "opening.py", "--quick")
    ((view, found),) = json.loads((tmp_path / "opening.json").read_text())["seconds"].items()
    assert view == "brownian" and found["median"] > 0
    assert "## First pictures of the explorer" in document and "| `brownian` | " in document
    assert "first picture of the explorer's slowest page, `brownian`" in document


def test_document_says_what_the_files_say(tmp_path: Path) -> None:
    def timed(rate: float, ratio: float) -> dict[str, Any]:
        values = {key: {"median": v, "low": v - 1, "high": v + 1} for key, v in (("rate", rate), ("ratio", ratio))}
        return {"setting": "bf16, contiguous, batch 64", **values}

    about = {
        "command": "python benchmarks/run.py throughput",
        "date": "2001-02-03 04:05 UTC",
        "minutes": 6.5,
        "machine": {
            "processor": "An Abacus",
            "cores": 2,
            "threads": 2,
            "bf16 instructions": ["beads"],
            "python": "3.12",
            "torch": "2.14.1",
            "load at the start": 0.1,
        },
    }
    peer = {
        "name": "diffusers 9",
        "basis": "equal parameters",
        "shape": "widths 48",
        "parameters": 4_490_000,
        "gflop": 1.5,
    }
    subjects = [{**peer, "training": timed(81.0, 3.25), "sampling": timed(299.0, 3.75)}]
    (tmp_path / "throughput.json").write_text(
        json.dumps({**about, "subjects": subjects, "missing": {"azula": "ModuleNotFoundError: gone"}})
    )
    for name, distance in (("pedesis", 12.5), ("smalldiffusion", 25.0)):
        point = {"minutes": 5.0, "images seen": 1234, "frechet distance": distance, "class accuracy": 0.9}
        quality = {"name": name, "recipe": "as published", "evaluations": 20, "pictures": 100, "points": [point]}
        (tmp_path / f"quality-{name}.json").write_text(json.dumps({**about, **quality}))

    document = bench_report(tmp_path)
    assert "An Abacus (2 cores, 2 threads, beads)" in document
    assert "3.25x (2.25 to 4.25)" in document
    assert "81 (80 to 82)" in document
    assert "| training, equal parameters: times diffusers (widths 48) | at least 3 | 3.25 | yes |" in document
    assert "| sampling, equal parameters: times diffusers (widths 48) | at least 4 | 3.75 | **no** |" in document
    assert "| at most 25 | 12.5 | yes |" in document
    assert "azula was left out: ModuleNotFoundError: gone" in document
    assert "| smalldiffusion | 5.0 | 1,234 | 25.00 | 0.900 | 20 |" in document


def bench_report(folder: Path) -> str:
    """The document made from the files in `folder`, in this process."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import report
    finally:
        sys.path.remove(str(BENCHMARKS))
    report.write(folder, folder / "benchmarks.md")
    return (folder / "benchmarks.md").read_text()
