"""Joining the other processes of a run: whatever launches them says in environment variables who is who."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch._C._distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from pedesis.utils.distributed import RankLost, first_line, joined

MINUTES = 10.0
"""How long a rank waits for the others; `PEDESIS_RANK_MINUTES` says otherwise."""


@dataclass(frozen=True)
class Place:
    """Where a process stands among those that were launched together."""

    rank: int
    world: int
    local: int  # rank on its own host: the number of its device
    address: str
    port: int


def place(variables: dict[str, str] | None = None) -> Place | None:
    """What the launcher says in environment variables; None for a process that was launched by itself.

    RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT (torchrun, accelerate), or what Slurm's srun sets.

    Raises:
        ValueError: some are there and others are missing, or are no numbers.
    """
    known = dict(os.environ) if variables is None else variables
    if "WORLD_SIZE" in known:
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
    elif "SLURM_STEP_NUM_TASKS" in known:
        names = ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID")
        known = {"MASTER_ADDR": _first_host(known.get("SLURM_STEP_NODELIST", "localhost")), **known}
        known = {"MASTER_PORT": str(20000 + int(known.get("SLURM_JOB_ID", "0")) % 10000), **known}
    else:
        return None
    known = {names[2]: known.get(names[0], ""), **known}
    try:
        rank, world, local, port = (int(known[name]) for name in (*names, "MASTER_PORT"))
        return None if world == 1 else Place(rank, world, local, known["MASTER_ADDR"], port)
    except (KeyError, ValueError) as error:
        wanted = ", ".join((*names[:2], "MASTER_ADDR", "MASTER_PORT"))
        raise ValueError(f"to run in several processes, {wanted} must be set, as torchrun does ({error})") from None


def _first_host(nodes: str) -> str:
    """The first name of Slurm's list: node[03-05,9],other -> node03."""
    found = re.match(r"([^,\[]+)(?:\[(\d+))?", nodes)
    return "".join(part or "" for part in found.groups()) if found else nodes


@contextmanager
def ranks(minutes: float | None = None) -> Iterator[None]:
    """Join the processes that were launched together, for the length of the context; gloo on CPU, nccl on CUDA.

    Nothing happens in a process that was launched by itself, or has joined already. A mistake that every rank makes is
    raised on rank 0; the others end with exit code 2 in silence.

    Args:
        minutes: how long a rank waits for the others before the run ends.

    Raises:
        RankLost: not all of them came.
    """
    here = place()
    if here is None or joined():
        yield
        return
    if minutes is None:
        minutes = float(os.environ.get("PEDESIS_RANK_MINUTES", MINUTES))
    store = _join(here, timedelta(minutes=minutes))
    try:
        yield
    except (ValueError, OSError, FloatingPointError) as error:
        if _said_by_first(store, here, str(error)):
            time.sleep(1)  # a launcher ends all of them when one has ended, and rank 0 is still speaking
            raise SystemExit(2) from None
        raise
    else:
        dist.destroy_process_group()


def _join(here: Place, timeout: timedelta) -> Store:
    """Meet the others; returns where all of them can leave words."""
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(here.local % torch.cuda.device_count())
    try:
        store: Store
        store, rank, world = next(
            rendezvous(f"tcp://{here.address}:{here.port}", here.rank, here.world, timeout=timeout)
        )
        store.set_timeout(timeout)
        backend = "cpu:gloo,cuda:nccl" if cuda else "gloo"
        joined = PrefixStore("pedesis", store)
        dist.init_process_group(backend, store=joined, rank=rank, world_size=world, timeout=timeout)
    except RuntimeError as error:
        raise RankLost(
            f"rank {here.rank} of {here.world} did not find the others at {here.address}:{here.port}: "
            f"{first_line(error)}"
        ) from error
    return PrefixStore("said", store)


def _said_by_first(store: Store, here: Place, sentence: str) -> bool:
    """Whether rank 0 ends with the same sentence, for which this one waits a little."""
    with suppress(RuntimeError):  # where one does not come, each speaks for itself
        if here.rank == 0:
            store.set("0", sentence)
            store.wait([str(rank) for rank in range(1, here.world)], timedelta(seconds=1))  # the store ends with rank 0
        else:
            store.wait(["0"], timedelta(seconds=3))
            said = store.get("0").decode()
            store.set(str(here.rank), "heard")
            return bool(said == sentence)
    return False
