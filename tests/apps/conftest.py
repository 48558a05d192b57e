"""Servers and a browser for the tests of the apps."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Debian's Chromium, with nothing running in its background."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine (apt-get install chromium, or set CHROMIUM)")
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": FLAGS}


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serve(command: list[str], url: str, folder: Path, seconds: float = 90) -> Iterator[str]:
    """Run a server as a process of its own until `url` answers; stop it at the end."""
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
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


@pytest.fixture(scope="session")
def demo_url() -> Iterator[str]:
    """The generation demo, running."""
    port = free_port()
    command = [sys.executable, "app.py", "--port", str(port)]
    with serve(command, f"http://127.0.0.1:{port}/", ROOT / "apps" / "gradio_demo") as url:
        yield url


@pytest.fixture(scope="session")
def explorer_url() -> Iterator[str]:
    """The explorer, running."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    health = f"http://127.0.0.1:{port}/_stcore/health"
    with serve(command, health, ROOT / "apps" / "streamlit_explorer"):
        yield f"http://127.0.0.1:{port}"
