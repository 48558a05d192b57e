"""Who waits is told where in line, takes turns with others, has a share of the places, and frees them by leaving."""

import http.client
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
import turns
from gradio_client import Client
from playwright.sync_api import Browser, Page, expect

from .demo_page import FIRST

LONG = {"model": "fashion-mnist", "label": "bag", "number": 16, "sampler": "ddim", "steps": 200}
SHORT = {"model": "digits", "label": "7", "number": 1, "sampler": "ddim", "steps": 1}
ORDER = ("model", "label", "prompt", "guidance", "seed", "randomize", "number", "sampler", "eta", "steps")


def post(url: str, asked: dict[str, Any], address: str) -> tuple[int, str]:
    """Join the queue, from an address. Returns the status of the answer, and the number of the event or why not."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    body = json.dumps({"data": [asked.get(name) for name in ORDER]})
    headers = {"content-type": "application/json", "x-forwarded-for": address}
    connection.request("POST", "/gradio_api/call/generate", body, headers)
    answer = connection.getresponse()
    said = answer.read().decode()
    connection.close()
    return answer.status, json.loads(said).get("event_id", said) if answer.status == 200 else said


@contextmanager
def asking(url: str, asked: dict[str, Any], address: str = "127.0.0.1", begun: bool = False) -> Iterator[None]:
    """A client that asks, listens, and leaves; it has `begun` once there is something to see."""
    _, event = post(url, asked, address)
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.request("GET", f"/gradio_api/call/generate/{event}", headers={"x-forwarded-for": address})
    answer = connection.getresponse()
    while begun and b"generating" not in answer.readline():
        pass
    yield
    connection.close()


def rank_of(job: Any, wanted: int) -> None:
    """Wait until a job is told that so many are before it."""
    for _ in range(600):
        if job.status().rank == wanted:
            return
        if job.done():
            break
        job_wait(job)
    raise AssertionError(f"rank {job.status().rank}, not {wanted}")


def job_wait(job: Any) -> None:
    """A tenth of a second, or until the job is done."""
    with suppress(TimeoutError):
        job.future.exception(timeout=0.1)


def test_everybodys_first_comes_before_anybodys_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "client", lambda event: event.address)
    waiting = [SimpleNamespace(address=name[0], name=name) for name in ("a1", "a2", "a3", "b1", "c1", "b2")]
    ordered = [event.name for event in turns.by_turns(waiting, [])]  # type: ignore[arg-type]
    assert ordered == ["a1", "b1", "c1", "a2", "b2", "a3"]
    ordered = [event.name for event in turns.by_turns(waiting, waiting[:1])]  # type: ignore[arg-type]
    assert ordered == ["b1", "c1", "a1", "b2", "a2", "a3"], "what runs was a turn"


def test_who_leaves_is_dropped_and_those_behind_are_told(demo_url: str) -> None:
    me = Client(demo_url, verbose=False, download_files=False)
    with asking(demo_url, LONG, begun=True):
        with asking(demo_url, LONG):
            job = me.submit(**SHORT, api_name="/generate")
            rank_of(job, 1)
        rank_of(job, 0)
    assert "1 picture in" in job.result(timeout=60)[6]


def test_who_asks_for_a_lot_waits_for_it_himself(demo_url: str) -> None:
    other = Client(demo_url, verbose=False, download_files=False, headers={"x-forwarded-for": "10.0.0.2"})
    with asking(demo_url, LONG, begun=True):
        assert all(post(demo_url, SHORT, "127.0.0.1")[0] == 200 for _ in range(3))
        job = other.submit(**SHORT, api_name="/generate")
        rank_of(job, 0)
    assert "1 picture in" in job.result(timeout=60)[6]


def test_a_page_that_finds_all_places_taken_waits_and_tries_again(demo_url: str, page: Page) -> None:
    with asking(demo_url, LONG, begun=True):
        answers = [post(demo_url, SHORT, "127.0.0.1") for _ in range(turns.SHARE + 1)]
        assert [status for status, _ in answers] == [200] * turns.SHARE + [503]
        assert "requests waiting" in answers[-1][1]
        assert post(demo_url, SHORT, "10.0.0.2")[0] == 200, "others have their own share"
        page.goto(f"{demo_url}?model=digits&steps=2")
        expect(page.get_by_text("All places to wait in are taken").locator("visible=true")).to_be_visible(timeout=FIRST)
    expect(page.get_by_text("Settings from the link: 8 pictures in")).to_be_visible(timeout=FIRST)


def test_pages_say_where_in_line_they_are(demo_url: str, browser: Browser) -> None:
    contexts = [browser.new_context() for _ in range(3)]  # one would have too few connections for three streams
    pages = [context.new_page() for context in contexts]
    for each in pages:
        each.goto(f"{demo_url}?model=digits&steps=1")
        expect(each.get_by_text("Settings from the link: 8 pictures in")).to_be_visible(timeout=FIRST)
    with asking(demo_url, LONG, begun=True):
        for each, place in zip(pages, ("next", "second in line", "third in line"), strict=True):
            each.get_by_role("button", name="Generate", exact=True).click()
            expect(each.get_by_text(re.compile(rf"^You are {place}[.;]"))).to_be_visible(timeout=FIRST)
        pages[2].get_by_role("button", name="Stop", exact=True).first.click()
        expect(pages[2].get_by_text("stopped", exact=True)).to_be_visible(timeout=FIRST)
    for each in pages[:2]:
        expect(each.get_by_text(re.compile(r"^8 pictures in"))).to_be_visible(timeout=FIRST)
    for context in contexts:
        context.close()
