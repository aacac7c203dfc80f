from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rag.errors import LLMFailed
from rag.llm.addresses import is_public
from rag.llm.client import open_chat
from rag.llm.protocol import Message
from rag.settings import Settings
from tests.fakes import ScriptedEndpoint
from ui.engine_holder import SessionSettings


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("2002:7f00:1::", False),
        ("64:ff9b::10.0.0.1", False),
        ("64:ff9b::93.184.216.34", True),
        ("64:ff9b:1::10.0.0.1", False),
        ("::127.0.0.1", False),
        ("::ffff:0:127.0.0.1", False),
        ("fec0::1", False),
    ],
)
def test_address_is_public_or_not(address: str, public: bool) -> None:
    assert is_public(address) is public


def ask(url: str, addresses: Any) -> str:
    session = SessionSettings(base_url=url, model="small-model", addresses=addresses)
    settings = session.applied_to(replace(Settings(home=Path("nowhere")), llm_connect_timeout=2.0))
    try:
        return open_chat(settings).complete([Message("user", "Hi")]).text
    except LLMFailed as failure:
        return str(failure)


def test_session_reaches_no_private_address_unless_it_may(endpoint: ScriptedEndpoint) -> None:
    endpoint.pieces = ("Yes.",)
    assert ask(endpoint.url, "any") == "Yes."
    for url in (endpoint.url, endpoint.url.replace("127.0.0.1", "localhost")):
        assert "no public address, and this server calls no others for a session." in ask(url, "public")
    assert len(endpoint.requests) == 1


def test_name_is_resolved_once_and_what_was_checked_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    resolved: list[str] = []
    connected: list[object] = []

    def resolve(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        resolved.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", port))]

    def connect(address: object, *_: Any, **__: Any) -> socket.socket:
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr("socket.getaddrinfo", resolve)
    monkeypatch.setattr("socket.create_connection", connect)
    assert "cannot be reached (connection refused)" in ask("http://far.example:81/v1", "public")
    assert (resolved, connected) == (["far.example"], [("93.184.216.34", 81)])


def test_public_endpoint_is_reached_by_no_proxy(monkeypatch: pytest.MonkeyPatch, endpoint: ScriptedEndpoint) -> None:
    monkeypatch.setenv("HTTP_PROXY", endpoint.url.removesuffix("/v1"))
    assert "no public address" in ask("http://169.254.169.254/v1", "public")
    assert endpoint.requests == []


def test_servers_own_endpoint_may_be_anywhere(tmp_path: Path) -> None:
    own = Settings(home=tmp_path, llm_base_url="http://127.0.0.1:1/v1", llm_model="m")
    assert SessionSettings(addresses="public").applied_to(own).llm_addresses == "any"
