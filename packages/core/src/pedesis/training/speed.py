"""How fast a run is, from which a plan of minutes becomes one of steps."""

from __future__ import annotations

import math
import time


class Speedometer:
    """Steps per second, smoothed; the first two steps (allocation, caches) do not count."""

    def __init__(self) -> None:
        self.start = time.perf_counter()
        self.count = 0
        self.rate = math.nan

    @property
    def steady(self) -> bool:
        """Whether enough steps were seen to plan with."""
        return self.count >= 12

    def tick(self) -> float:
        """The seconds of one step, which ends now."""
        elapsed = time.perf_counter() - self.start
        self.count += 1
        if self.count == 3:
            self.rate = 1 / elapsed
        elif self.count > 3:
            self.rate += (1 / elapsed - self.rate) * max(0.02, 1 / (self.count - 2))
        return elapsed

    def restart(self) -> None:
        """A step begins now."""
        self.start = time.perf_counter()
