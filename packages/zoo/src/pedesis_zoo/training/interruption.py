"""Signals that end a process, as a request to stop where nothing is lost."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


@dataclass
class Request:
    """Whether the process was asked to end, and by which signal."""

    signal: int | None = None


@contextmanager
def until_asked_to_stop(again: bool = True, says: bool = True) -> Iterator[Request]:
    """The first signal is a request, which the body looks at when it suits it; the second one acts as always.

    Args:
        again: False where a launcher passes on what the terminal has sent already: only the first signal counts then.
        says: whether a sentence on stderr answers the signal.

    After the body the signal acts too: KeyboardInterrupt for Ctrl-C, SystemExit (128 + its number) for the others.
    Outside the main thread, where Python has no signals, and for signals that are ignored, nothing changes.
    """
    request = Request()
    before: dict[int, signal._HANDLER] = {}

    def ask(number: int, frame: FrameType | None) -> None:
        if request.signal is not None:
            return
        request.signal = number
        if again:
            give_back()
        if says:
            more = b"; once more to stop at once" if again else b""
            os.write(2, b"\nstopping after this step, and keeping what was learned" + more + b"\n")

    def give_back() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    if threading.current_thread() is threading.main_thread():
        for number in (getattr(signal, name) for name in SIGNALS if hasattr(signal, name)):
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                before[number] = signal.signal(number, ask)
    try:
        yield request
    finally:
        give_back()
    if request.signal is not None:
        handler = before[request.signal]
        if callable(handler):
            handler(request.signal, None)
        raise SystemExit(128 + request.signal)
