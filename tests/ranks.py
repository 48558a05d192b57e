"""Starts a function of a module in several processes, as a launcher does, and waits for them."""

from __future__ import annotations

import os
from pathlib import Path

from tests import processes
from tests.processes import Started, free_port


def variables(rank: int, world: int, port: int) -> dict[str, str]:
    """The environment that torchrun gives to one of its processes, in float32 on one thread."""
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": world, "MASTER_PORT": port}
    alike = {"MASTER_ADDR": "127.0.0.1", "OMP_NUM_THREADS": "1", "PEDESIS_PRECISION": "float32"}
    return {**os.environ, **alike, **{name: str(value) for name, value in place.items()}}


def start(world: int, program: str, folder: Path) -> list[Started]:
    """A program in `world` processes that know of each other."""
    port = free_port()
    return [processes.start(program, folder, variables(rank, world, port)) for rank in range(world)]


def finish(started: list[Started], seconds: float = 300) -> list[str]:
    """What each of them wrote to stderr, when all have ended; none hangs."""
    try:
        for one in started:
            one.wait(seconds)
        return [one.stderr.read_text() for one in started]
    finally:
        for one in started:
            one.process.kill()


def call(world: int, function: str, *arguments: object, folder: Path, seconds: float = 300) -> None:
    """MODULE:NAME with arguments, in every rank; raises what they said if one of them failed."""
    module, name = function.split(":")
    start_up = f"import {module}\nfrom pedesis.utils.launch import ranks\nwith ranks(10):\n"
    started = start(world, f"{start_up}    {module}.{name}{arguments!r}", folder)
    printed = finish(started, seconds)
    assert [one.returncode for one in started] == [0] * world, "\n".join(printed)
