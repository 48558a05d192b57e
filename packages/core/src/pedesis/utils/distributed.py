r"""Several processes as one: each works on its share of the rows, and what they add up is the same on all of them.

    rows of rank k of N    floor(k B / N)  to  floor((k + 1) B / N)             any B, any N
    gradient               sum over ranks of  grad (sum of own losses / B)      the exact mean over the batch

`torch.distributed` does the work and whatever launches processes for it does the launching: torchrun, accelerate,
srun. In one process everything here is the identity. Collective functions must be called by every rank in the same
order; what one rank does by itself goes inside `alone()`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import torch
import torch.distributed as dist
from torch import Tensor

BUCKET = 1 << 24  # elements that are summed in one message
DTYPES = (torch.uint8, torch.int64, torch.float32, torch.float64)

_alone: ContextVar[bool] = ContextVar("alone", default=False)


class RankLost(ConnectionError):
    """Another process of this run ended, or does not answer."""


def first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def world() -> int:
    """How many processes work together here."""
    return 1 if _alone.get() or not joined() else dist.get_world_size()


def joined() -> bool:
    return dist.is_available() and dist.is_initialized()


def rank() -> int:
    """Which of them this one is: 0 to world() - 1."""
    return 0 if world() == 1 else dist.get_rank()


def first() -> bool:
    """Whether this process writes files, logs and progress: rank 0, or the only one."""
    return not joined() or dist.get_rank() == 0


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
        compute: not called for a rank without rows; what it calls is not divided once more; the type is one of
            `DTYPES`.
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
    mine = None
    if rows := shares[rank()]:
        with alone():
            mine = compute(rows).cpu()
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
    buffer = torch.tensor(value, dtype=torch.int64)
    _collective(lambda: dist.broadcast(buffer, 0))
    return int(buffer)


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
    encoded = sentence.encode()
    length = from_first(len(encoded))
    if length == 0:
        return
    words = torch.zeros(length, dtype=torch.uint8) if rank() else torch.tensor(list(encoded), dtype=torch.uint8)
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
            f"on from its checkpoint ({first_line(error)[:120]})"
        ) from error
