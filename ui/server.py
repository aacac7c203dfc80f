"""Runs the site: the server answers at once, and loads the chat in the background."""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import sys
import webbrowser
from contextlib import suppress
from dataclasses import dataclass

from rag.cli.output import note
from rag.settings import Settings
from ui.monitoring.log_lines import LogLevel, configure_logging
from ui.site import SiteOptions, make_site

_GRACE = 3  # seconds for open connections to finish
_M_ARENA_MAX = -8  # of malloc.h


@dataclass(frozen=True, slots=True)
class Serving:
    """What is served, and on which socket."""

    settings: Settings
    listener: socket.socket
    options: SiteOptions
    open_browser: bool = False
    log_level: LogLevel = "warning"

    @property
    def url(self) -> str:
        """The URL of the page."""
        host, port = self.listener.getsockname()[:2]
        name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
        return f"http://{name}:{port}/"


def serve(serving: Serving) -> None:
    """Serve until interrupted."""
    import uvicorn

    from ui.idle_timeout import IdleTimeoutProtocol

    _keep_to_this_machine()
    _share_memory()
    configure_logging(serving.log_level)
    config = uvicorn.Config(
        make_site(serving.settings, serving.options),
        log_config=None,
        http=IdleTimeoutProtocol,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )
    note(f"Citedesk is at {serving.url} (Ctrl-C ends it)")
    if serving.open_browser and _has_screen():
        webbrowser.open(serving.url)
    asyncio.run(uvicorn.Server(config).serve(sockets=[serving.listener]))


def _keep_to_this_machine() -> None:
    """Turn off telemetry of Gradio 6.31 and huggingface_hub, before they are imported."""
    os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1"}


def _share_memory() -> None:
    """Have glibc's malloc keep one arena: of several, what threads free in one is not used by those of another."""
    if sys.platform == "linux":
        with suppress(AttributeError):  # another libc
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def _has_screen() -> bool:
    """Return whether there is a screen; without one, Python would start a browser in the terminal."""
    return sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
