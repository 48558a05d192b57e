"""Results that take memory: the few that were asked for last, and none that nobody has asked for in a while."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
import time
from collections.abc import Callable
from functools import update_wrapper
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """A function whose last results are kept: at most `most`, each until `let_go` finds it idle."""

    def __init__(self, make: Callable[..., Value], most: int) -> None:
        self._make, self._most, self._lock = make, most, threading.Lock()
        self._found: dict[tuple[object, ...], tuple[Value, float]] = {}  # and when it was asked for; the latest last
        update_wrapper(self, make)

    def __call__(self, *asked: object) -> Value:
        with self._lock:
            found = self._found.pop(asked, None)
            if found is not None:
                self._found[asked] = found[0], time.monotonic()
                return found[0]
        made = self._make(*asked)  # without the lock: nobody waits for what somebody else asks for
        with self._lock:
            made, _ = self._found.pop(asked, (made, 0.0))  # another thread may have been first
            self._found[asked] = made, time.monotonic()
            while len(self._found) > self._most:
                del self._found[next(iter(self._found))]
        return made

    def __len__(self) -> int:
        return len(self._found)

    def let_go(self, seconds: float = 0) -> int:
        """Forget what nobody has asked for in so many seconds; how many there were."""
        with self._lock:
            idle = [asked for asked, (_, last) in self._found.items() if time.monotonic() - last >= seconds]
            for asked in idle:
                del self._found[asked]
        return len(idle)


def kept(most: int) -> Callable[[Callable[..., Value]], Kept[Value]]:
    """Keep the last results of a function."""
    return lambda make: Kept(make, most)


def give_back() -> None:
    """Give freed memory back to the system: the C library of Linux would keep it."""
    gc.collect()
    if sys.platform == "linux":
        getattr(ctypes.CDLL(None), "malloc_trim", lambda _: None)(0)
