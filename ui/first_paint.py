"""What the chat's page shows at once: the title, the field for a question and the examples, before any script runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from secrets import token_urlsafe
from threading import Lock, Thread

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.errors import CitedeskError
from rag.generation.examples import EXAMPLE_PAPERS, example_questions
from ui.browse.collection import load_collection
from ui.engine_holder import EngineHolder
from ui.html.chat_page import examples_to_html
from ui.login.access import site_path
from ui.pages import chat_policy

_BODY = re.compile(rb"<body\b[^>]*>")
_SCRIPT = re.compile(rb"<script\b")  # Gradio escapes it in the data that its scripts hold


class ExampleQuestions:
    """The examples of the generation in use, as HTML; they are made on a thread, which takes seconds."""

    def __init__(self, holder: EngineHolder) -> None:
        self._holder = holder
        self._lock = Lock()
        self._made_of = ""
        self._html = ""

    def html(self) -> str:
        """Return the examples; "" until the first are made, and those of the generation before while new ones are."""
        try:
            generation = self._holder.engine(timeout=0).library.manifest.generation
        except CitedeskError:
            return self._html
        with self._lock:
            if generation != self._made_of:
                self._made_of = generation
                Thread(target=self._make, name="citedesk-examples", daemon=True).start()
        return self._html

    def _make(self) -> None:
        library = self._holder.engine(timeout=0).library
        topics = [topic.name for topic in load_collection(library).atlas.topics]
        newest = library.papers.newest(EXAMPLE_PAPERS)
        self._html = examples_to_html(example_questions(newest, topics), len(library.papers))


class FirstPaint:
    """ASGI middleware that puts content at the beginning of the page's body, which Gradio leaves empty.

    `head` goes to the end of the page's head, where it is effective before Gradio's scripts have run. Of inline scripts
    only Gradio's own run, which get a nonce.
    """

    def __init__(self, app: ASGIApp, head: str, content: Callable[[], str]) -> None:
        self._app = app
        self._head = head.encode()
        self._content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; the page itself is held back until it is whole."""
        if scope["type"] != "http" or scope["method"] != "GET" or site_path(scope) != "/":
            await self._app(scope, receive, send)
            return
        start: Message = {}
        page = b""

        async def collect(message: Message) -> None:
            nonlocal start, page
            if message["type"] == "http.response.start":
                start = message
            if message["type"] != "http.response.body":
                return
            page += message.get("body", b"")
            if not message.get("more_body", False):
                content, nonce = self._content().encode(), token_urlsafe(16)
                whole = _SCRIPT.sub(b'<script nonce="%b"' % nonce.encode(), page)
                whole = whole.replace(b"</head>", self._head + b"</head>", 1)
                whole = _BODY.sub(lambda tag: tag[0] + content, whole, count=1)
                headers = MutableHeaders(raw=start["headers"])
                headers["content-length"] = str(len(whole))
                headers["content-security-policy"] = chat_policy(nonce)
                headers["cache-control"] = "no-store"
                await send(start)
                await send({"type": "http.response.body", "body": whole})

        plain = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]  # a compressed body has no tags
        await self._app({**scope, "headers": plain}, receive, collect)
