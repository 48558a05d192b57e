r"""Several processes as one: each works on its share of the rows, and what they add up is the same on all of them.

    rows of rank k of N    floor(k B / N)  to  floor((k + 1) B / N)             any B, any N
    gradient               sum over ranks of  grad (sum of own losses / B)      the exact mean over the batch

`torch.distributed` does the work and whatever launches processes for it does the launching: torchrun, accelerate,
srun. In one process everything here is the identity. Collective functions must be called by every rank in the same
order; what one rank does by itself goes inside `alone()`.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor
from torch._C._distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

MINUTES = 10.0
"""How long a rank waits for the others; `PEDESIS_RANK_MINUTES` says otherwise."""
BUCKET = 1 << 24  # elements that are summed in one message
DTYPES = (torch.uint8, torch.int64, torch.float32, torch.float64)

_alone: ContextVar[bool] = ContextVar("alone", default=False)


class RankLost(ConnectionError):
    """Another process of this run ended, or does not answer."""


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
    if here is None or _joined():
        yield
        return
    if minutes is None:
        minutes = float(os.environ.get("PEDESIS_RANK_MINUTES", MINUTES))
    store = _join(here, timedelta(minutes=minutes))
    try:
        yield
    except (ValueError, OSError, FloatingPointError) as error:
        if _said_by_first(store, here.rank, str(error)):
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
            f"{_first_line(error)}"
        ) from error
    return PrefixStore("said", store)


def _said_by_first(store: Store, rank: int, sentence: str) -> bool:
    """Whether rank 0 ends with the same sentence, for which this one waits a little."""
    try:
        if rank == 0:
            store.set("0", sentence)
            return False
        store.wait(["0"], timedelta(seconds=3))
        return bool(store.get("0").decode() == sentence)
    except RuntimeError:
        return False  # then each speaks for itself


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def world() -> int:
    """How many processes work together here."""
    return 1 if _alone.get() or not _joined() else dist.get_world_size()


def _joined() -> bool:
    return dist.is_available() and dist.is_initialized()


def rank() -> int:
    """Which of them this one is: 0 to world() - 1."""
    return 0 if world() == 1 else dist.get_rank()


def first() -> bool:
    """Whether this process writes files, logs and progress: rank 0, or the only one."""
    return not _joined() or dist.get_rank() == 0


@contextmanager
def alone() -> Iterator[None]:
    """What this process does without the others: inside, there is one rank."""
    token = _alone.set(True)
    try:
        yield
    finally:
        _alone.reset(token)


def share(rows: range, number: int | None = None) -> range:
    """The rows of this rank, or of rank `number`: contiguous, nearly equal; empty if there are fewer than ranks."""
    number, count = rank() if number is None else number, world()
    return rows[len(rows) * number // count : len(rows) * (number + 1) // count]


def add(tensors: Sequence[Tensor]) -> None:
    """Replace each tensor by its sum over all ranks, in flat buckets of one type; the same bits on all of them.

    Raises:
        RankLost: another process ended.
    """
    if world() == 1:
        return
    for bucket in _buckets(tensors):
        flat = torch.cat([tensor.detach().reshape(-1) for tensor in bucket])
        _collective(lambda: dist.all_reduce(flat))  # noqa: B023  (called at once)
        for tensor, total in zip(bucket, flat.split([tensor.numel() for tensor in bucket]), strict=True):
            tensor.detach().copy_(total.view_as(tensor))


def _buckets(tensors: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """Consecutive tensors of one type and device, at most `BUCKET` elements together, or one larger tensor."""
    bucket: list[Tensor] = []
    for tensor in tensors:
        full = sum(each.numel() for each in bucket) + tensor.numel() > BUCKET
        if bucket and (full or (tensor.dtype, tensor.device) != (bucket[0].dtype, bucket[0].device)):
            yield bucket
            bucket = []
        bucket.append(tensor)
    if bucket:
        yield bucket


def divided(count: int, compute: Callable[[range], Tensor], multiple: int = 1) -> Tensor:
    """compute(rows 0 to count - 1), (count, ...): each rank computes its share, and all of them get the whole.

    Args:
        compute: not called for a rank without rows; the type is one of `DTYPES`.
        multiple: shares begin at multiples of it, so that rows meet in the same groups on any number of ranks.

    Raises:
        RankLost: another process ended.
    """
    if world() == 1:
        return compute(range(count))
    units = range(-(-count // multiple))
    shares = [
        range(count)[own.start * multiple : own.stop * multiple] for own in (share(units, k) for k in range(world()))
    ]
    mine = compute(shares[rank()]).cpu() if shares[rank()] else None
    described = torch.zeros(10, dtype=torch.int64)  # type, dimensions, shape: of any rank that has rows
    if mine is not None:
        described[: mine.ndim + 2] = torch.tensor([DTYPES.index(mine.dtype), mine.ndim, *mine.shape])
    _collective(lambda: dist.all_reduce(described, dist.ReduceOp.MAX))
    kind, dimensions, _, *shape = described.tolist()
    parts = []
    for number, rows in enumerate(shares):
        if not rows:
            continue
        part = torch.empty(len(rows), *shape[: dimensions - 1], dtype=DTYPES[kind])
        if mine is not None and number == rank():
            part.copy_(mine)
        _collective(lambda: dist.broadcast(part, number))  # noqa: B023  (called at once)
        parts.append(part)
    return torch.cat(parts)


def from_first(value: int) -> int:
    """The number that rank 0 has."""
    if world() == 1:
        return value
    told = torch.tensor(value, dtype=torch.int64)
    _collective(lambda: dist.broadcast(told, 0))
    return int(told)


def total(value: float) -> float:
    """The sum of a number over all ranks, in float64."""
    number = torch.tensor([value], dtype=torch.float64)
    add([number])
    return float(number)


def by_first(act: Callable[[], None]) -> None:
    """Let rank 0 do something before the others go on; if it cannot, all of them raise what it says.

    Raises:
        ValueError: that sentence.
    """
    sentence = ""
    if first():
        try:
            with alone():
                act()
        except ValueError as error:
            sentence = str(error)
    told = sentence.encode()
    length = from_first(len(told))
    if length == 0:
        return
    words = torch.zeros(length, dtype=torch.uint8) if rank() else torch.tensor(list(told), dtype=torch.uint8)
    if world() > 1:
        _collective(lambda: dist.broadcast(words, 0))
    raise ValueError(bytes(words.tolist()).decode())


def check_same(digest: str, what: str) -> None:
    """Raise ValueError on all ranks if `digest`, hexadecimal, is not the same on all of them."""
    if world() == 1:
        return
    mine = torch.tensor([int(digest[:15], 16)], dtype=torch.int64)
    every = divided(world(), lambda rows: mine)
    if other := [k for k, each in enumerate(every.tolist()) if each != int(every[0])]:
        raise ValueError(
            f"rank {other[0]} has not the same {what} as rank 0: start all of them with one command, "
            "one seed, and one folder that all of them can read"
        )


def _collective(act: Callable[[], object]) -> None:
    try:
        act()
    except RuntimeError as error:
        raise RankLost(
            "another process of this run ended, or did not answer in time: the run ends here; the same command goes "
            f"on from its checkpoint ({_first_line(error)[:120]})"
        ) from error
