from __future__ import annotations

from pathlib import Path

import pytest

from rag.errors import UsageError
from ui.login.access import Access, choose_access, host_name, is_loopback
from ui.login.users import add_user


def users_file(folder: Path) -> Path:
    add_user(folder / "users", "ada", "open sesame", rounds=4)
    return folder / "users"


def test_a_named_host_is_served_on_loopback() -> None:
    access = choose_access("127.0.0.1", names=("papers.example",))
    assert access.serves("papers.example:443")
    assert not access.serves("evil.example")
    assert Access().serves("anything.example")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]", "127.3.4.5"])
def test_loopback_needs_no_login(host: str) -> None:
    assert is_loopback(host)
    access = choose_access(host)
    assert (access.users, access.header) == (None, None)
    assert access.serves("localhost:7860")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.5", "papers.example", "localhost.example"])
def test_a_public_address_wants_a_login_or_a_word_against_it(host: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        choose_access(host)
    assert all(flag in str(raised.value) for flag in ("--users FILE", "--trust-header NAME", "--no-login"))
    assert choose_access(host, no_login=True) == Access()
    assert choose_access(host, users=users_file(tmp_path)).users
    assert choose_access(host, trust_header="Remote-User").header == "remote-user"


def test_what_cannot_be_meant_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--users and --no-login exclude each other"):
        choose_access("0.0.0.0", users=users_file(tmp_path), no_login=True)
    with pytest.raises(UsageError, match="is not the name of a header"):
        choose_access("0.0.0.0", trust_header="X Forwarded")
    with pytest.raises(UsageError, match="is not an address or network"):
        choose_access("0.0.0.0", trust_header="X-User", peers=("proxy.example",))
    with pytest.raises(UsageError, match="cannot be read"):
        choose_access("0.0.0.0", users=tmp_path / "none")


@pytest.mark.parametrize(
    ("host", "name"),
    [("[::1]:80", "::1"), ("::1", "::1"), ("Example.org.:80", "example.org"), ("a:b:c", ""), ("x:80", "x")],
)
def test_a_host_header_is_read_for_its_name(host: str, name: str) -> None:
    assert host_name(host) == name
