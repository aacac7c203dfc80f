"""`python -m eval.speed.load`: many clients at once on the real server, which must answer each of them or say why not.

Clients ask by the HTTP API, with and without a stream, by the chat, and with long questions; some leave while they
wait, and some send half a body. With `--endpoint` answers are written, by a stand-in that is killed and started again.
With `--swaps` the index is updated that many times meanwhile, between two editions of the collection whose titles
differ: an answer with titles of both would be of no one generation.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from eval.latency.endpoint_stub import MODEL, stub_endpoint
from eval.latency.timing import PIECES
from eval.speed.bench import spread_questions
from eval.speed.program import Site, citedesk, environ, running
from rag.corpus.files import parse_json_lines, to_json_lines, write_atomic
from rag.index.generations import IndexFolder
from rag.query.limits import MAX_QUESTION_LENGTH
from rag.settings import load_settings

_PATIENCE = 660.0  # seconds for an answer or a word: more than the server gives to a question
_SAMPLED = 5.0  # seconds between two looks at the server
_WARM_UP = 0.2  # of the time, before memory is compared
_UP, _DOWN = 40.0, 20.0  # seconds that the endpoint lives, and is gone
_LEAVES = 1.0  # seconds after which some have left, at most
_LEAVING = 30  # who leave together at the end
_SHARES = (0.5, 0.95, 0.99)
_EDITION = " (second edition)"
_CHAT_ASKS = "ask"  # the event of the chat's page


@dataclass
class Tally:
    """What became of the requests, by who sent them, and the seconds of those that were answered."""

    outcomes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, role: str, outcome: str, seconds: float, reply: str = "") -> None:
        """Count a request."""
        self.outcomes[role][outcome] += 1
        if outcome == "answered":
            self.seconds[role].append(seconds)
        else:
            self.examples.setdefault(f"{role} {outcome}", reply[:200])


@dataclass(frozen=True, slots=True)
class Sample:
    """The server at a moment: memory in MB, open files and threads."""

    memory: float
    files: int
    threads: int


class Clients:
    """Asks one server, each client in one of several roles."""

    def __init__(self, site: Site, questions: Sequence[str]) -> None:
        self._site = site
        self._questions = questions
        self._asking = True
        self.tally = Tally()
        self._chat_function: int | None = None

    async def run(self, clients: int, roles: Sequence[str], meanwhile: Awaitable[None]) -> None:
        """Ask with so many clients until something else has ended."""
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        async with httpx.AsyncClient(base_url=self._site.url, timeout=_PATIENCE, limits=limits) as client:
            page = (await client.get("/")).text
            config = json.JSONDecoder().raw_decode(page.partition("window.gradio_config = ")[2])[0]
            asks = [each["id"] for each in config["dependencies"] if each["targets"][0][1:] == [_CHAT_ASKS]]
            self._chat_function = asks[0]
            asking = [asyncio.ensure_future(self._client(client, i, roles[i % len(roles)])) for i in range(clients)]
            try:
                await meanwhile
            finally:
                self._asking = False
                await asyncio.gather(*asking)

    async def _client(self, client: httpx.AsyncClient, number: int, role: str) -> None:
        choose, asked = random.Random(number), 0
        while self._asking:
            question, asked = choose.choice(self._questions), asked + 1
            started = time.monotonic()
            try:
                outcome, reply, pause = await self._ask(client, role, question, choose, number, asked)
            except (httpx.HTTPError, OSError, ValueError, KeyError) as error:
                outcome, reply, pause = "nothing", repr(error), 1.0
            self.tally.add(role, outcome, time.monotonic() - started, reply)
            await asyncio.sleep(pause * choose.uniform(0.5, 1.5))

    async def _ask(
        self, client: httpx.AsyncClient, role: str, question: str, choose: random.Random, page: int, asked: int
    ) -> tuple[str, str, float]:
        """Ask in a role; returns the outcome, what was said, and the seconds to wait before asking again."""
        if role == "search":
            return _reply(await client.get("/api/search", params={"q": question}))
        if role == "long":
            length = MAX_QUESTION_LENGTH + choose.choice((-1, -1, -1, 1))
            question = (" ".join(choose.choices(self._questions, k=200)) * 2)[:length]
        if role in ("ask", "long"):
            return _reply(await client.post("/api/ask", json={"question": question}))
        if role == "stream":
            return await _stream(client, question)
        if role == "chat":
            return await self._chat(client, question, page, asked)
        if role == "leave":
            with suppress(TimeoutError):
                await asyncio.wait_for(_stream(client, question), choose.uniform(0, _LEAVES))
            return "left", "", 0.5
        return await self._half(question)

    async def _chat(self, client: httpx.AsyncClient, question: str, page: int, asked: int) -> tuple[str, str, float]:
        """Ask as the chat's page does, which stays open."""
        session, event = f"page{page}", {"exchange_id": f"x{page}x{asked}", "question": question}
        joined = {"fn_index": self._chat_function, "data": [None], "event_data": event, "session_hash": session}
        (await client.post("/gradio_api/queue/join", json=joined)).raise_for_status()
        shown = ""
        async with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data:") and json.loads(line[5:])["msg"].startswith("process_"):
                    shown = line
        if "The server is busy" in shown:
            return "busy", "", 5.0
        return ("answered", shown, 0.0) if '"done": true' in shown or '"done":true' in shown else ("nothing", shown, 1)

    async def _half(self, question: str) -> tuple[str, str, float]:
        """Send half of a body, and wait for what the server makes of it."""
        host, port = self._site.url.split("/")[2].split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        body = json.dumps({"question": question})
        head = f"POST /api/ask HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(f"{head}{body[: len(body) // 2]}".encode())
        try:
            reply = await asyncio.wait_for(reader.read(), _PATIENCE)
        finally:
            writer.close()
        return ("cut" if b" 408 " in reply.splitlines()[0] else "nothing"), reply.decode(), 0.5


def _reply(reply: httpx.Response) -> tuple[str, str, float]:
    """Return what a reply is: answered, busy with a time to come again, refused with a reason, or nothing."""
    body = reply.json()
    if reply.status_code == 200:
        return _answered(body)
    if reply.status_code == 503 and "retry-after" in reply.headers and body.get("error"):
        return "busy", body["error"], float(reply.headers["retry-after"])
    return ("refused" if reply.status_code == 400 and body.get("error") else "nothing"), reply.text, 0.5


async def _stream(client: httpx.AsyncClient, question: str) -> tuple[str, str, float]:
    ended, data = "", ""
    async with client.stream("POST", "/api/ask", json={"question": question, "stream": True}) as stream:
        if stream.status_code != 200:
            await stream.aread()
            return _reply(stream)
        async for line in stream.aiter_lines():
            if line.startswith("event: "):
                ended = line.removeprefix("event: ")
            elif line.startswith("data: "):
                data = line.removeprefix("data: ")
    return _answered(json.loads(data)) if ended == "done" else ("nothing", data, 1.0)


def _answered(answer: Any) -> tuple[str, str, float]:
    """Return that a question was answered, unless its papers are of two editions."""
    papers = [each for name in ("citations", "near_misses", "hits") for each in answer.get(name, ())]
    editions = {each["title"].endswith(_EDITION) for each in papers}
    return "answered" if len(editions) < 2 else "of two generations", json.dumps(answer), 0.0


def look(process: int) -> Sample:
    """Look at a process of this machine, as /proc shows it."""
    folder = Path(f"/proc/{process}")
    status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line)
    files = len(list((folder / "fd").iterdir()))
    return Sample(int(status["VmRSS"].split()[0]) / 1024, files, int(status["Threads"]))


async def _watch(process: int, samples: list[Sample]) -> None:
    while True:
        samples.append(look(process))
        await asyncio.sleep(_SAMPLED)


async def _live_and_die(port: int) -> None:
    """Run a stand-in that is killed now and then."""
    while True:
        with stub_endpoint(PIECES, port):
            await asyncio.sleep(_UP)
        await asyncio.sleep(_DOWN)


async def _swap(home: Path, times: int) -> None:
    """Have `citedesk index --watch` update an index so many times, between two editions of its collection."""
    editions, folder = home.with_suffix(".jsonl"), IndexFolder(home)
    exported = parse_json_lines(await asyncio.to_thread(citedesk, "export", "--home", home, cwd=home))
    first = [value for _, value in exported if isinstance(value, dict)]
    second = [{**each, "title": each["title"] + _EDITION} for each in first]
    before, index = folder.current(), None
    try:
        for i in range(times):
            write_atomic(editions, to_json_lines(first if i % 2 else second))
            if index is None:
                command = (sys.executable, "-m", "rag", "index", "--watch", "--quiet", "--home", home, editions)
                index = await asyncio.create_subprocess_exec(*command, env=environ(), stdout=subprocess.DEVNULL)
            while folder.current() == before:
                await asyncio.sleep(0.05)
                assert index.returncode is None, "citedesk index has ended"
            before = folder.current()
    finally:
        if index:
            index.terminate()
            await index.wait()


@asynccontextmanager
async def _beside(*tasks: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run tasks while the context lasts."""
    begun = [asyncio.ensure_future(each) for each in tasks]
    try:
        yield
    finally:
        for each in begun:
            each.cancel()
        await asyncio.gather(*begun, return_exceptions=True)


async def _recovery(site: Site, question: str) -> float:
    """Return the seconds until a question is answered after many who waited have left."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=site.url, timeout=_PATIENCE, limits=limits) as client:
        async with _beside(*(_ignored(_stream(client, question)) for _ in range(_LEAVING))):
            await asyncio.sleep(_LEAVES)
        started = time.monotonic()
        while _reply(await client.post("/api/ask", json={"question": question}))[0] != "answered":
            await asyncio.sleep(0.1)
        return time.monotonic() - started


async def _ignored(work: Coroutine[Any, Any, object]) -> None:
    await work


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=load_settings({}).settings.home, help="index to ask")
    parser.add_argument("--gold", type=Path, default=Path("eval/gold/dev.jsonl"))
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--endpoint", action="store_true", help="let a stand-in write answers, which dies now and then")
    parser.add_argument("--swaps", type=int, default=0, help="updates of the index meanwhile, which is changed")
    given = parser.parse_args(arguments)
    roles = (
        ["ask"] if given.swaps else ["ask", "stream", "search", "chat", "ask", "chat", "long", "leave", "ask", "half"]
    )
    questions, samples = spread_questions(given.gold, 40), list[Sample]()
    port = _free_port()
    endpoint = {"CITEDESK_LLM_BASE_URL": f"http://127.0.0.1:{port}/v1", "CITEDESK_LLM_MODEL": MODEL}
    site = Site(given.home.resolve(), endpoint if given.endpoint else {})
    clients = Clients(site, questions)

    async def measure() -> tuple[Sample, float]:
        meanwhile = _swap(site.home, given.swaps) if given.swaps else asyncio.sleep(60 * given.minutes)
        mortal = (_live_and_die(port),) if given.endpoint else ()
        async with _beside(_watch(site.process, samples), *mortal):
            await clients.run(given.clients, roles, meanwhile)
        return look(site.process), await _recovery(site, questions[0])

    with running(site):
        began = time.monotonic()
        idle, recovery = asyncio.run(measure())
    report = _report(clients.tally, samples, idle, recovery, time.monotonic() - began)
    sys.stdout.write(json.dumps(report, indent=1) + "\n")
    return 0


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _report(tally: Tally, samples: Sequence[Sample], idle: Sample, recovery: float, seconds: float) -> dict[str, Any]:
    warm, tenth = samples[int(len(samples) * _WARM_UP) :], max(len(samples) // 10, 1)
    memory = [statistics.median(x.memory for x in samples[i : i + tenth]) for i in range(0, len(samples), tenth)]
    first = memory[int(len(memory) * _WARM_UP)]
    waits = sorted(seconds for own in tally.seconds.values() for seconds in own)
    outcomes = {role: dict(found) for role, found in sorted(tally.outcomes.items())}
    return {
        "seconds": round(seconds),
        "outcomes": outcomes,
        "answered_per_second": round(len(waits) / seconds, 2),
        "seconds_p50_p95_p99": [round(waits[min(int(len(waits) * share), len(waits) - 1)], 2) for share in _SHARES],
        "memory_mb_by_tenths": [round(each) for each in memory],
        "memory_growth_after_warm_up": round(memory[-1] / first - 1, 3),
        "files_least_most_idle": [min(x.files for x in warm), max(x.files for x in warm), idle.files],
        "threads_most_idle": [max(x.threads for x in warm), idle.threads],
        "recovery_seconds": round(recovery, 2),
        "examples": tally.examples,
    }


if __name__ == "__main__":
    sys.exit(main())
