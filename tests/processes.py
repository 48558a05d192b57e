"""Programs in processes of their own, forked from one that has imported torch and the library already.

To import them takes longer than most of what these processes do. What the interpreter itself does at its start is
tested with real ones.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import NamedTuple
from unittest.mock import patch

ROOT = Path(__file__).parents[1]
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["pedesis_zoo.cli", "tests.runs", "tests.zoo_runs", "torch._dynamo"])


@dataclass(frozen=True)
class Started:
    """A process, and the files that hold what it prints."""

    process: BaseProcess
    stdout: Path
    stderr: Path

    @property
    def returncode(self) -> int | None:
        """None while it runs."""
        return self.process.exitcode

    def signal(self, number: int) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    def wait(self, seconds: float) -> None:
        """Until it has ended; raises TimeoutError, and ends it, if that takes too long."""
        self.process.join(seconds)
        if self.returncode is None:
            self.process.kill()
            raise TimeoutError(f"still running after {seconds} s; it said: {self.stderr.read_text()}")


@cache
def folder_of_all() -> tempfile.TemporaryDirectory[str]:
    """Where everything that is printed goes, until the tests have ended."""
    return tempfile.TemporaryDirectory(prefix="pedesis-printed-")


def start(program: str, folder: Path, environment: Mapping[str, str] = os.environ) -> Started:
    """Run the text of a program in a folder, with these variables."""
    printed = Path(tempfile.mkdtemp(dir=folder_of_all().name))
    process = SERVER.Process(target=_run, args=(program, folder, dict(environment), printed), daemon=True)
    nothing = {"__main__": ModuleType("__main__")}  # or the process would first run what is __main__ here
    with patch.dict(sys.modules, nothing):
        process.start()
    return Started(process, printed / "stdout", printed / "stderr")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Done(NamedTuple):
    """How a command ended and what it said."""

    returncode: int | None
    stdout: str
    stderr: str


def command_line(*arguments: str) -> str:
    """The program that is `python -m pedesis_zoo ...`."""
    return f"import sys; sys.argv[1:] = {arguments!r}; from pedesis_zoo.cli import main; main()"


def zoo(*arguments: str, folder: Path = ROOT, environment: Mapping[str, str] = os.environ) -> Done:
    """`python -m pedesis_zoo ...` in a folder."""
    started = start(command_line(*arguments), folder, environment)
    started.wait(300)
    return Done(started.returncode, started.stdout.read_text(), started.stderr.read_text())


def _run(program: str, folder: Path, environment: dict[str, str], printed: Path) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(os.open(printed / stream.name.strip("<>"), os.O_WRONLY | os.O_CREAT), stream.fileno())
    import torch

    torch.set_num_threads(int(environment.get("OMP_NUM_THREADS", torch.get_num_threads())))
    exec(compile(program, "<program>", "exec"), {"__name__": "__main__"})
