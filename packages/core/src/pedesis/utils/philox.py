r"""Noise that other languages can repeat bit for bit: a counter-based generator, and a normal number from each word.

    words     philox4x32-10 (Salmon et al. 2011): key = the seed's two halves, counter = (block, stream, 0, 0)
    normal    z = Phi^-1((word + 1/2) / 2^32),  by Wichura's AS 241, rounded to float32

Only + - * / and the square root of float64 are used, which IEEE 754 rounds alike everywhere; the logarithm is a series
with a fixed number of terms. docs/noise.md is the specification; the page of the zoo holds the same in JavaScript.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Words = NDArray[np.uint64]
"""32-bit words, each in a uint64, so that a product of two fits."""

Numbers = NDArray[np.float64]

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
INCREMENTS = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
LOW = 0xFFFFFFFF


def philox(counter: Sequence[Words], key: Sequence[int]) -> list[Words]:
    """Four words for each counter: counter is four arrays of one shape, key two numbers below 2^32."""
    a, b, c, d = (np.asarray(part, dtype=np.uint64) for part in counter)
    low, high = key
    for _ in range(ROUNDS):
        first, second = a * np.uint64(MULTIPLIERS[0]), c * np.uint64(MULTIPLIERS[1])
        a, c = (second >> np.uint64(32)) ^ b ^ np.uint64(low), (first >> np.uint64(32)) ^ d ^ np.uint64(high)
        b, d = second & np.uint64(LOW), first & np.uint64(LOW)
        low, high = (low + INCREMENTS[0]) & LOW, (high + INCREMENTS[1]) & LOW
    return [a, b, c, d]


def words(seed: int, count: int, stream: int = 0) -> Words:
    """The first `count` words of a seed's stream. Raises ValueError unless 0 <= seed < 2^64 and 0 <= stream < 2^32."""
    if not (0 <= seed < 2**64 and 0 <= stream < 2**32):
        raise ValueError(f"a seed must lie in 0..2^64 - 1 and a stream in 0..2^32 - 1; got {seed} and {stream}")
    block = np.arange(-(-count // 4), dtype=np.uint64)
    counter = [block, np.full_like(block, stream), np.zeros_like(block), np.zeros_like(block)]
    return np.stack(philox(counter, (seed & LOW, seed >> 32)), axis=1).reshape(-1)[:count]


def normal(seed: int, count: int, stream: int = 0) -> NDArray[np.float32]:
    """The first `count` standard normal numbers of a seed's stream, float32, from -6.2 to 6.2."""
    return inverse_normal((words(seed, count, stream).astype(np.float64) + 0.5) / 2.0**32).astype(np.float32)


class Philox:
    """Noise with a seed per row, as `pedesis.utils.noise.PerSeed`: the k-th call draws the k-th stream of each seed."""

    def __init__(self, seeds: Sequence[int], stream: int = 0):
        self.seeds, self.stream = list(seeds), stream

    def __call__(self, like: Tensor) -> Tensor:
        """Standard normal numbers like `like` (B, ...); raises ValueError if its batch is not one row per seed."""
        if like.shape[0] != len(self.seeds):
            raise ValueError(f"{len(self.seeds)} seeds were given for a batch of {like.shape[0]} rows")
        rows = [normal(seed, like[0].numel(), self.stream) for seed in self.seeds]
        self.stream += 1
        return torch.from_numpy(np.stack(rows)).reshape(like.shape).to(like)


def logarithm(x: Numbers) -> Numbers:
    """ln x of positive numbers: x = m 2^e with m in [1/sqrt 2, sqrt 2), ln m = 2 artanh z, z = (m - 1)/(m + 1)."""
    m, e = np.frexp(x)
    small = m < SQRT_HALF
    m, e = np.where(small, m * 2, m), np.where(small, e - 1, e)
    z = (m - 1) / (m + 1)
    square = z * z
    total = np.zeros_like(z)
    for k in range(TERMS, -1, -1):
        total = total * square + 1 / (2 * k + 1)
    return np.asarray(e * LN2 + 2 * z * total, dtype=np.float64)


LN2, SQRT_HALF, TERMS = 0.6931471805599453, 0.7071067811865476, 11


def inverse_normal(p: Numbers) -> Numbers:
    """Phi^-1(p) for 1e-10 < p < 1 - 1e-10, relative error about 1e-16: AS 241, PPND16 (Wichura 1988)."""
    q = p - 0.5
    near = 0.180625 - q * q
    side = ratio(np.sqrt(-logarithm(np.minimum(p, 1 - p))) - 1.6, SIDE)
    return np.where(np.abs(q) <= 0.425, q * ratio(near, CENTER), np.where(q < 0, -side, side))


def ratio(x: Numbers, coefficients: Sequence[tuple[float, float]]) -> Numbers:
    """One polynomial over another, both by Horner's rule, the highest power first."""
    above, below = np.zeros_like(x), np.zeros_like(x)
    for a, b in coefficients:
        above, below = above * x + a, below * x + b
    return np.asarray(above / below, dtype=np.float64)


CENTER = (
    (2509.0809287301226727, 5226.495278852545925),
    (33430.575583588128105, 28729.085735721942674),
    (67265.770927008700853, 39307.89580009271061),
    (45921.953931549871457, 21213.794301586595867),
    (13731.693765509461125, 5394.1960214247511077),
    (1971.5909503065514427, 687.1870074920579083),
    (133.14166789178437745, 42.313330701600911252),
    (3.387132872796366608, 1.0),
)
SIDE = (
    (7.7454501427834140764e-4, 1.05075007164441684324e-9),
    (0.0227238449892691845833, 5.475938084995344946e-4),
    (0.24178072517745061177, 0.0151986665636164571966),
    (1.27045825245236838258, 0.14810397642748007459),
    (3.64784832476320460504, 0.68976733498510000455),
    (5.7694972214606914055, 1.6763848301838038494),
    (4.6303378461565452959, 2.05319162663775882187),
    (1.42343711074968357734, 1.0),
)
