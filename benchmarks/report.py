"""`docs/benchmarks.md`, made from results/*.json and from nothing else: `python benchmarks/report.py`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DOCUMENT = HERE.parent / "docs" / "benchmarks.md"
Found = dict[str, Any]

INTRODUCTION = """# Benchmarks

Written by `make bench`, `make bench-quality`, `make bench-one-step`, `make bench-ablations` and `make bench-opening`
from the files in `benchmarks/results/`; do not edit. Numbers are medians, with the smallest and the largest repetition
in brackets, where nothing else is said. A ratio is taken within pairs that were timed one right after the other, in
alternating order; above 1, Pedesis is faster. Machines differ: read the ratios.
"""


def write(results: Path, document: Path = DOCUMENT) -> None:
    """Write the document from the result files that are there."""
    found = {path.stem: json.loads(path.read_text()) for path in sorted(results.glob("*.json"))}
    quality = [record for name, record in found.items() if name.startswith("quality-")]
    quality.sort(key=lambda record: record["name"] != "pedesis")
    parts = [INTRODUCTION, *asked(found, quality)]
    for name, section in (("throughput", throughput), ("scaling", scaling), ("limit", limit), ("exported", exported)):
        if name in found:
            parts += section(found[name])
    if quality:
        parts += qualities(quality)
    if "opening" in found:
        parts += opening(found["opening"])
    beside = [record for name, record in found.items() if name.startswith("one_step-")]
    if beside:
        parts += one_step(sorted(beside, key=lambda record: record["data"] == "digits"))
    if "ablations" in found:
        parts += ablations(found["ablations"])
    document.parent.mkdir(parents=True, exist_ok=True)
    document.write_text("\n".join(parts).rstrip() + "\n")


def asked(found: dict[str, Found], quality: list[Found]) -> Iterator[str]:
    """What the project asked of itself, and what was measured."""
    rows = []

    def goal(words: str, measured: float, bound: float, unit: str = "", least: bool = True) -> None:
        reached = measured >= bound if least else measured <= bound
        limit = f"{'at least' if least else 'at most'} {bound:g}{unit}"
        rows.append((words, limit, f"{measured:.3g}{unit}", "yes" if reached else "**no**"))

    if "throughput" in found:
        subjects = found["throughput"]["subjects"]
        bounds = {"equal parameters": {"sampling": 4, "training": 3}, "equal FLOPs": {"sampling": 2.5, "training": 2}}
        others = []
        for s in subjects:
            for kind, bound in bounds.get(s["basis"], {}).items():
                ratio = s[kind]["ratio"]["median"]
                if s["name"].startswith("diffusers"):
                    goal(f"{kind}, {s['basis']}: times diffusers ({s['shape']})", ratio, bound)
                else:
                    others.append((ratio, f"{kind}, {s['basis']}: times {s['name']}, the nearest other peer"))
        if others:
            ratio, words = min(others)
            goal(words, ratio, 1)
    ours = next((q for q in quality if q["name"] == "pedesis" and q["points"]), None)
    last = [q["points"][-1]["frechet distance"] for q in quality if q["name"] != "pedesis" and q["points"]]
    if ours and last:
        at = f"{ours['points'][0]['minutes']:.0f} minutes, where the best peer ends at {min(last):.3g}"
        goal(f"Frechet distance after {at}", ours["points"][0]["frechet distance"], min(last), least=False)
    if "scaling" in found:
        beginning = found["scaling"]["beginning"]
        if "first" in beginning:
            first = beginning["first"]
            goal("64 guided pictures at the model's settings", first["64 pictures"], 2, " s", least=False)
            goal("one picture after loading", first["one picture"], 0.3, " s", least=False)
        goal("`import pedesis_zoo` above `import torch`", beginning["imports"]["pedesis_zoo"], 0.3, " s", least=False)
        for model, most in (("heroes", 6), ("heroes-student", 2)):
            if model in beginning:
                goal(f"nine pictures of `{model}`", beginning[model]["seconds"], most, " s", least=False)
        none = not beginning["lists"]["imports torch"]
        rows.append(
            ("`list_models()` and `card()` import torch", "never", "no" if none else "yes", "yes" if none else "**no**")
        )
    if "opening" in found:
        seconds = found["opening"]["seconds"]
        slowest = max(seconds, key=lambda view: seconds[view]["median"])
        words = f"first picture of the explorer's slowest page, `{slowest}`, for a new visitor"
        goal(words, seconds[slowest]["median"], 3, " s", least=False)
    if rows:
        yield "## Asked and measured\n"
        yield table(("figure", "asked", "measured", "reached"), rows)


def throughput(record: Found) -> Iterator[str]:
    """Table a."""
    yield heading("Speed beside other libraries", record)
    yield (
        "Training is forward, backward and fused AdamW; an evaluation is one forward pass for one picture. Both are "
        "per 28x28 pixels: a library that needs 32x32 is credited for its extra pixels. Each peer is the largest that "
        "is not larger than ours, and runs in the setting that is fastest for it here (float32 or bfloat16, channels "
        "last or not; `torch.compile` too where the command says `--compile`).\n\n"
        "The U-Net of diffusers is there in two shapes: attention at 14x14, where DDPM has it, and at 7x7 only, where "
        "ours has it. Beside the second not all goals are reached: what is left to both is mostly the arithmetic of "
        "the same convolutions; how near ours comes to the machine's best is below, under the limit. Tried without "
        "gain: skips that are added instead of joined (slower to the same quality), and `torch.compile` of our network "
        "(as fast as without).\n"
    )
    for kind, unit in (("training", "images/s"), ("sampling", "evaluations/s")):
        rows = []
        for s in record["subjects"]:
            if kind in s:
                ratio = spread(s[kind]["ratio"], "x") if "ratio" in s[kind] else ""
                size = f"{s['parameters'] / 1e6:.2f} M, {s['gflop']:.2f}"
                rows.append(
                    (s["name"], s["basis"], s["shape"], size, s[kind]["setting"], spread(s[kind]["rate"]), ratio)
                )
        yield f"**{kind.capitalize()}**\n"
        yield table(("network", "basis", "shape", "parameters, GFLOP", "its best setting", unit, "Pedesis is"), rows)
    for name, reason in record["missing"].items():
        yield f"- {name} was left out: {reason}"
    if record["missing"]:
        yield ""


def scaling(record: Found) -> Iterator[str]:
    """Tables c."""
    yield heading("Cost as the work grows", record)
    beginning = record["beginning"]
    rows = [
        ("`import torch`", beginning["imports"]["torch"]),
        ("`import pedesis_zoo` after it", beginning["imports"]["pedesis_zoo"]),
        ("`from pedesis_zoo import load, generate` after that", beginning["imports"]["load and generate"]),
        ("import the zoo, list its models and read their cards, without torch", beginning["lists"]["seconds"]),
    ]
    if "first" in beginning:
        first = beginning["first"]
        rows += [
            ("import everything and load `fashion-mnist`", first["import and load"]),
            ("first picture of a process, after loading", first["first picture after loading"]),
            ("one more picture, guided", first["one picture"]),
            ("64 pictures, guided", first["64 pictures"]),
        ]
    yield table(("to begin", "seconds"), [(words, f"{seconds:.3g}") for words, seconds in rows])
    yield (
        "Memory is the peak of a process of its own, and how much of it came on top of drawing one picture (of "
        "building the model, in training). Pictures are computed 32 at a time, the last few as 1, 2, 4 or 8; before "
        "2026-11-26, always as eights.\n"
    )
    columns = ("ms for each picture", "peak MiB", "on top, MiB")
    yield table(("pictures", *columns), [(p["count"], *_generated(p)) for p in record["pictures"]])
    yield table(("side (16 pictures)", *columns), [(p["side"], *_generated(p)) for p in record["side"]])
    trained = ("images/s", "peak MiB", "on top, MiB")
    yield table(("training batch", *trained), [(p["batch"], *_trained(p)) for p in record["training batch"]])
    if record["training side"]:
        yield table(
            ("training side (batch 64)", *trained), [(p["side"], *_trained(p)) for p in record["training side"]]
        )


def _generated(point: Found) -> tuple[str, ...]:
    each, peak, above = point["seconds for each"], point["peak MiB"], point["above one picture"]
    return f"{1000 * each:.3g}", f"{peak:.0f}", f"{above:.0f}"


def _trained(point: Found) -> tuple[str, ...]:
    return tuple(f"{point[key]:.0f}" for key in ("images for each second", "peak MiB", "above the model"))


def limit(record: Found) -> Iterator[str]:
    """Table d."""
    yield heading("Distance to the limit", record)
    limits = record["limits"]
    rows = [(f"best {name}", found["where"], spread(found["GFLOP/s"]), "", "") for name, found in limits.items()]
    for kind, found in record["network"].items():
        shares = [f"{100 * found[f'share of {name}']:.0f} %" for name in limits]
        rows.append((f"our network, {kind}", found["setting"], spread(found["GFLOP/s"]), *shares))
    yield table(("what", "where", "GFLOP/s", *(f"of the {name}" for name in limits)), rows)


def opening(record: Found) -> Iterator[str]:
    """Seconds before a new visitor sees anything."""
    yield heading("First pictures of the explorer", record)
    yield (
        "Seconds from asking for a page to seeing its first picture (of `formulas`, its first formula), in a browser "
        f"with nothing in its cache, from a server that has been left alone for {record['rest']:g} s after its start.\n"
    )
    yield table(("page", "seconds"), [(f"`{view}`", spread(found)) for view, found in record["seconds"].items()])


def exported(record: Found) -> Iterator[str]:
    """Table e."""
    yield heading("Exported generators beside torch", record)
    yield (
        f"Pictures per second by onnxruntime {record['onnxruntime']} (float32 arithmetic) and by `zoo.sample`, all "
        "steps of the student, the same number of threads; above 1, the exported file is faster.\n"
    )
    rows = [
        (f"`{r['model']}`", r["batch"], r["torch"], spread(r["exported"]), spread(r["ours"]), spread(r["ratio"], "x"))
        for r in record["rows"]
    ]
    header = ("model", "pictures at once", "torch in", "onnxruntime, pictures/s", "torch, pictures/s", "ratio")
    yield table(header, rows)


def qualities(records: list[Found]) -> Iterator[str]:
    """Table b."""
    yield "## Quality against training time\n"
    yield (
        "Frechet distance to the Fashion-MNIST test set in the features of `fashion-mnist-features` (lower is better), "
        "and how often that classifier sees the class that was asked for. One run each, on as many threads as its line "
        "says; other work ran beside some (the load), which slows all alike only roughly.\n"
    )
    rows = []
    for r in records:
        for p in r["points"]:
            seen, accuracy = f"{p['images seen']:,}", f"{p['class accuracy']:.3f}"
            rows.append(
                (r["name"], f"{p['minutes']:.1f}", seen, f"{p['frechet distance']:.2f}", accuracy, r["evaluations"])
            )
    header = (
        "library",
        "minutes",
        "training images seen",
        "Frechet distance",
        "class accuracy",
        "evaluations for a picture",
    )
    yield table(header, rows)
    for r in records:
        yield f"- **{r['name']}**: {r['recipe']}; {r['pictures']} pictures. {provenance(r)}"
    yield ""


def one_step(records: list[Found]) -> Iterator[str]:
    """Table e."""
    yield "## One-step methods side by side\n"
    yield (
        "Each method trains the same network, told where a step ends, for the same processor time of one thread, and "
        "draws from the same noise in 1, 2 and 4 evaluations; classes are not used. On points the distance is 1,000 "
        "times the energy distance of 4,000 to as many fresh ones, on digits the Frechet distance of 1,437 pictures to "
        "the 360 test pictures in the 32 features of a small classifier; lower is better. The floor is real data drawn "
        "once more (of digits, the training pictures); an estimated energy distance can be a little below zero. "
        "Numbers are means over seeds, with 95 % bootstrap intervals over them in brackets; few seeds: too narrow.\n\n"
        "Progressive distillation is three students, for 4, 2 and 1 evaluations, each from the one before. It is there "
        "twice: with its teacher's training inside the time (half of it), and with a teacher given (the first line), "
        "so that both together took twice the time. Drifting has no steps: it draws in one evaluation only, in the "
        "space of the data, where its paper uses features. Shortcut models use their present weights as targets where "
        "the paper averages them. Settings are the papers', batch and learning rate the same for all: nothing was "
        "tuned, and these budgets are tiny beside the papers'. Moment matching minimizes a kernel distance near the "
        "energy distance that judges it on points.\n"
    )
    for record in records:
        rows = []
        for method in record["methods"]:
            cells = [_interval(method["distances"].get(key)) for key in ("1", "2", "4")]
            rows.append((method["method"], *cells, f"{method['steps']:,.0f}", f"{method['seconds']:.1f}"))
        rows.append(("floor", *[f"{record['floor']:.3g}"] * 3, "", ""))
        yield f"**{record['data']}**, {record['budget']:g} s, {record['seeds']} seeds\n"
        header = ("method", "1 evaluation", "2 evaluations", "4 evaluations", "steps of training", "seconds")
        yield table(header, rows)
        yield (
            f"![Data, and what each method draws](pictures/one-step-{record['data']}.png)\n\n"
            "Row by row: the data, then what each method draws in one evaluation, in the order of the table. "
            f"{provenance(record)}\n"
        )


def ablations(record: Found) -> Iterator[str]:
    """Table f."""
    yield heading("Ablations of training", record)
    yield (
        f"The recipe of `fashion-mnist` at half the width and one change at a time, each run {record['budget']:g} s of "
        "processor time of one thread. The error of v is that of held-out pictures, the same times and noise for all; "
        f"the Frechet distance is of {record['pictures']:,} conditional pictures without guidance, by the recipe's "
        "sampler in 10 steps, to the test set. Lower is better. Where several seeds were trained, their mean, and "
        "each: a difference that is not larger than theirs says nothing. Lengths of the average are of the same runs "
        "as the first line. The runs are short, so that what learns early looks best.\n"
    )
    rows = []
    for change, seeds in record["rows"].items():
        steps = sum(each["steps"] for each in seeds) / len(seeds)
        figures = [_each([each[key] for each in seeds]) for key in ("error of v", "frechet distance")]
        rows.append((change, f"{seeds[0]['parameters'] / 1e6:.2f} M", f"{steps:,.0f}", *figures))
    yield table(("change", "parameters", "steps", "error of v", "Frechet distance"), rows)


def _each(values: Sequence[float]) -> str:
    """Mean (each)."""
    if len(values) == 1:
        return f"{values[0]:.4g}"
    return f"{sum(values) / len(values):.4g} ({', '.join(f'{value:.4g}' for value in values)})"


def _interval(values: Found | None) -> str:
    """Mean [low, high], or a dash."""
    return "-" if values is None else f"{values['mean']:.3g} [{values['low']:.3g}, {values['high']:.3g}]"


def heading(title: str, record: Found) -> str:
    """A section and where its numbers come from."""
    return f"## {title}\n\n{provenance(record)}\n"


def provenance(record: Found) -> str:
    """Command, date, machine."""
    m = record["machine"]
    bf16 = ", ".join(m["bf16 instructions"]) or "no bf16 instructions"
    return (
        f"`{record['command']}`, {record['date']}, {record['minutes']} minutes, on {m['processor']} "
        f"({m['cores']} cores, {m['threads']} threads, {bf16}), torch {m['torch']}, Python {m['python']}; "
        f"load before it began: {m['load at the start']}."
    )


def spread(values: Found, unit: str = "") -> str:
    """Median (smallest to largest)."""
    return f"{values['median']:.3g}{unit} ({values['low']:.3g} to {values['high']:.3g})"


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"


if __name__ == "__main__":
    write(HERE / "results")
