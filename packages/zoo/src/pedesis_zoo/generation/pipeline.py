"""A pipeline: everything that is settled before the first step, and the walk itself.

`make_pipeline` of `sampling` makes one; editing and classifier guidance change a part of it; `run` takes the steps.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from pedesis.denoiser import Denoiser
from pedesis.gaussian import Noise
from pedesis.samplers import Sampler, Step
from pedesis.utils.distributed import check_same, divided, first
from pedesis.utils.images import Pixels, to_pixels
from pedesis_zoo.generation.palette import quantize
from pedesis_zoo.models.loading import ImageModel
from pedesis_zoo.models.notebook import png

MAX_BATCH = 32
"""How many pictures are computed at once: more are no faster, and need more memory."""

T = TypeVar("T")


@dataclass(frozen=True, repr=False)
class Snapshot:
    """A moment of generation, as pixels: uint8 (B, H, W, C).

    Attributes:
        step, steps: `step` of `steps` are done. t: the time reached.
        x_t: the noisy pictures. x0: what the model thinks they will become; at the end, both are the result.
        state: x_t as the model sees it, float (B, C, H, W), not cut to what pixels can show.
    """

    step: int
    steps: int
    t: float
    x_t: Pixels
    x0: Pixels
    state: Tensor

    def __repr__(self) -> str:
        count, height, width, channels = self.x0.shape
        return f"Snapshot(step {self.step} of {self.steps}, t={self.t:g}, {count} x {height}x{width}x{channels})"

    def _repr_png_(self) -> bytes:
        """For notebooks: the noisy pictures on the left, what the model expects on the right."""
        return png(self.x0) if self.finished else png(np.concatenate([self.x_t, self.x0], axis=2))

    @property
    def finished(self) -> bool:
        """Whether these are the final pictures."""
        return self.step == self.steps


def chunks(count: int) -> list[slice]:
    """Rows that are computed together: 32, then the whole eights that are left, then the rest as 1, 2, 4 or 8.

    In such batches a picture depends on its seed alone.
    """
    first, found = 0, []
    while first < count:
        left = count - first
        size = min(left - left % 8, MAX_BATCH) if left >= 8 else 1 << (left - 1).bit_length()
        found.append(slice(first, first + size))
        first += size
    return found


def padded(rows: Sequence[T]) -> list[T]:
    """Rows filled up to whole `chunks` by repeating the last."""
    return [*rows, *[rows[-1]] * (chunks(len(rows))[-1].stop - len(rows))]


@dataclass(frozen=True)
class Pipeline:
    """Pictures that are settled but not begun.

    Attributes:
        seeds: one per picture. condition: one row per picture, padded to whole chunks; None for none.
        denoiser, noise: what a chunk of rows is given; `slice` counts padded rows.
        times: from where to where the sampler walks.
        picture: (1, C, H, W) to begin from, noised to times[0]; None begins from the prior.
        palette: uint8 (P, C), the colors that finished pictures keep to; None for any.
    """

    model: ImageModel
    seeds: tuple[int, ...]
    condition: Tensor | None
    denoiser: Callable[[slice], Denoiser]
    noise: Callable[[slice], Noise]
    sampler: Sampler
    times: Tensor
    picture: Tensor | None = None
    palette: Pixels | None = None

    def run(self) -> Iterator[Snapshot]:
        """Draw, yielding a `Snapshot` before the first step and after each."""
        count, steps = len(self.seeds), len(self.times) - 1
        walks = [self.walk(rows) for rows in chunks(count)]
        with suppress(StopIteration):
            while True:
                now = [next(walk) for walk in walks]
                x_t = torch.cat([step.x_t for step in now])[:count]
                x0 = torch.cat([step.x0 for step in now])[:count]
                index, show = now[0].index, self.shown if now[0].index == steps else to_pixels
                yield Snapshot(index, steps, now[0].level.t, show(x_t), show(x0), x_t)

    def pictures(self, progress: bool | None = None) -> Pixels:
        """The finished pictures, one chunk after the other: it needs the memory of a chunk, however many they are.

        In several processes (`pedesis.utils.distributed`) each draws some chunks, and all of them get all pictures.

        Args:
            progress: whether a bar says how far it is; None: on a terminal or in a notebook, after a second.

        Raises:
            ValueError: the processes were asked for different seeds. RankLost: another process ended.
        """
        what = repr((self.model.name, self.seeds, self.times.tolist())).encode()
        check_same(hashlib.sha256(what).hexdigest(), "seeds to draw (alone() is for what a rank draws by itself)")
        hidden = True if not first() else None if progress is None else not progress

        def generate_rows(rows: range) -> Tensor:
            parts = [part for part in chunks(len(self.seeds)) if rows.start <= part.start < rows.stop]
            finished = []
            with tqdm(total=len(parts) * len(self.times), unit="step", delay=1, leave=False, disable=hidden) as bar:
                for part in parts:
                    for step in self.walk(part):
                        bar.update()
                    finished.append(self.shown(step.x0))
            return torch.from_numpy(np.concatenate(finished)[: len(rows)])

        return divided(len(self.seeds), generate_rows, multiple=MAX_BATCH).numpy()

    def shown(self, x0: Tensor) -> Pixels:
        """Finished pictures as pixels."""
        pixels = to_pixels(x0)
        return pixels if self.palette is None else quantize(pixels, self.palette)

    def walk(self, rows: slice) -> Iterator[Step]:
        """The trajectory of one chunk."""
        noise, condition = self.noise(rows), None if self.condition is None else self.condition[rows]
        return self.sampler.trajectory(self.denoiser(rows), self.start(noise, rows), self.times, condition, noise)

    def start(self, noise: Noise, rows: slice) -> Tensor:
        """x at times[0]: from the prior, or from q(x_t | picture)."""
        process, like = self.model.denoiser.process, self.model.empty(rows.stop - rows.start)
        if self.picture is None:
            return process.prior(like).sample(noise)
        return process.marginal(self.picture.to(like).expand_as(like), float(self.times[0])).sample(noise)
