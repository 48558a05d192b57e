"""The apps as processes of their own, and the browser that visits them: for tests, and for what measures them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.processes import free_port

ROOT = Path(__file__).parents[1]
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser")  # the first has no window to draw: less work
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def serve(
    command: list[str],
    url: str,
    folder: Path,
    seconds: float = 90,
    pids: list[int] | None = None,
    log: Path | None = None,
    **environment: str,
) -> Iterator[str]:
    """Run a server as a process of its own until `url` answers; stop it at the end. `pids` is given its number, `log`
    what it prints."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE if log is None else log.open("w"),
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environment},
    )
    if pids is not None:
        pids.append(process.pid)
    try:
        limit = time.monotonic() + seconds
        while True:
            try:
                urllib.request.urlopen(url, timeout=2).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > limit:
                    process.kill()
                    raise AssertionError(f"{command} did not start:\n{process.communicate()[0]}") from None
                time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def explorer() -> Iterator[str]:
    """The explorer as `make explorer` starts it, at a port of its own."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "server.py", "--server.port", str(port)]
    with serve(command, f"http://127.0.0.1:{port}/_stcore/health", ROOT / "apps" / "streamlit_explorer"):
        yield f"http://127.0.0.1:{port}"
