"""`python benchmarks/opening.py`: seconds until a new visitor sees the first picture of each page of the explorer.

A server that has been left alone for `--rest` seconds after its start, and a browser without anything in its cache, on
the same machine. A machine with AVX2 only is imitated by ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from pathlib import Path

import report
from measure import RESULTS, machine, save, summary
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parents[1]
PICTURES, FORMULAS = (".js-plotly-plot .main-svg", "[data-testid=stImage] img"), (".katex-display",)
SHOWN = {"formulas": FORMULAS}
"""What is waited for on pages without pictures."""
BETWEEN = 3.0
"""Seconds of rest between two visits."""
IMITATED = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA")


def visit(browser: Browser, url: str, view: str) -> float:
    """Seconds from asking for a page to seeing its first picture, as a visitor who has never been here."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page, start = context.new_page(), time.perf_counter()
    page.goto(f"{url}/{view}", wait_until="commit")
    shown = (f"[data-testid=stMain] {kind}" for kind in SHOWN.get(view, PICTURES))
    page.locator(", ".join(shown)).first.wait_for(timeout=60_000)
    seconds = time.perf_counter() - start
    context.close()
    return seconds


def main(arguments: list[str] | None = None) -> None:
    """Visit, measure, write results/opening.json and the document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5, help="visits of every page")
    parser.add_argument("--rest", type=float, default=20, help="seconds in which the server prepares its pages")
    parser.add_argument("--quick", action="store_true", help="one page, once, to see that it runs")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--document", type=Path, default=report.DOCUMENT)
    chosen = parser.parse_args(arguments)
    if chosen.repeat < 1:
        parser.error(f"--repeat must be at least 1; got {chosen.repeat}")
    sys.path += [str(ROOT), str(ROOT / "apps" / "streamlit_explorer")]
    from catalogue import SECTIONS
    from tests.servers import CHROMIUM, FLAGS, explorer

    if CHROMIUM is None:
        parser.error("no chromium on this machine: apt-get install chromium-headless-shell, or set CHROMIUM")
    imitated = [f"{name}={os.environ[name]}" for name in IMITATED if name in os.environ]
    typed = sys.argv[1:] if arguments is None else arguments
    command = " ".join([*imitated, shlex.join(["python", "benchmarks/opening.py", *typed])])

    views = [one.view for section in SECTIONS.values() for one in section][: 1 if chosen.quick else None]
    repeat, rest = (1, 0.0) if chosen.quick else (chosen.repeat, chosen.rest)
    started, described, found = time.time(), machine(), {view: [] for view in views}
    with explorer() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        time.sleep(rest)
        for _ in range(repeat):
            for view in views:
                found[view].append(visit(browser, url, view))
                time.sleep(0 if chosen.quick else BETWEEN)
    seconds = {view: summary(values) for view, values in found.items()}
    save("opening", {"rest": rest, "seconds": seconds}, command, started, described, chosen.out)
    report.write(chosen.out, chosen.document)


if __name__ == "__main__":
    main()
