"""Whose turn it is: everybody has a share of the places to wait in, and those who wait take turns.

A client's k-th request in a line comes after the (k-1)-th of everybody else, so that who asks for a lot waits for it
himself. Who leaves loses his places: Gradio sees to that.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from fastapi import Request
from gradio.data_classes import PredictBodyInternal
from gradio.queueing import Event, Queue

PLACES, SHARE = 40, 20
"""How many requests can wait, and how many of one client."""


def take_turns(queue: Queue) -> None:
    """Have a queue admit each client to its share, order its lines by turns, and tell those behind who has left."""
    push, clean = queue.push, queue.clean_events

    async def admitted(body: PredictBodyInternal, request: Request, username: str | None) -> Any:
        lines = [line.queue for line in queue.event_queue_per_concurrency_id.values()]
        if sum(client(event) == client(request) for line in lines for event in line) >= SHARE:
            return False, f"you have {SHARE} requests waiting; more when one of them is done", "queue_full"
        answer = await push(body=body, request=request, username=username)
        running = [event for job in queue.active_jobs if job for event in job]
        for name, line in queue.event_queue_per_concurrency_id.items():
            ordered = by_turns(line.queue, [event for event in running if event.concurrency_id == name])
            if ordered != line.queue:
                line.queue[:] = ordered
                queue.broadcast_estimations(name)
        return answer

    async def left(**who: Any) -> None:
        await clean(**who)
        for name in queue.event_queue_per_concurrency_id:
            queue.broadcast_estimations(name)

    queue.push, queue.clean_events = admitted, left  # type: ignore[method-assign]


def by_turns(line: list[Event], running: list[Event]) -> list[Event]:
    """A line in which everybody's first comes before anybody's second, whoever came first; what runs counts."""
    seen = Counter(map(client, running))
    turns = []
    for event in line:
        turns.append((seen[client(event)], event))
        seen[client(event)] += 1
    return [event for _, event in sorted(turns, key=lambda turn: turn[0])]


def client(asking: Event | Request) -> str:
    """Who asks: an address."""
    request = asking.request if isinstance(asking, Event) else asking
    return request.client.host if request.client else ""
