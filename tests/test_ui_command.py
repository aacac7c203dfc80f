from __future__ import annotations

import io
import socket
from pathlib import Path

import pytest

from rag.cli.main import main
from ui.login.users import Users
from ui.server import Serving


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(["ui", *arguments])
    return code, capsys.readouterr().err


def test_port_that_is_taken_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, said = run(capsys, "--port", port)
    assert code == 1
    assert said.startswith(f"error: Port {port} of 127.0.0.1 cannot be had: ")
    assert said.endswith("Give another with --port, or --port 0 for a free one.\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "70000"], "not a whole number from 0 to 65535: '70000'"),
        (["--host", "0.0.0.0"], "Give --users FILE or --trust-header NAME, or --no-login if that is intended."),
        (["--host", "no such name", "--no-login"], "There is no address 'no such name'."),
        (["--add-user", "ada"], "--add-user needs the file to write to: give --users FILE."),
        (["--users", "nowhere.txt"], "nowhere.txt"),
        (
            ["--root-path", "papers"],
            "--root-path 'papers' is not a path. Give one that begins with a slash, as in /papers.",
        ),
        (["--proxy", "here", "--trust-header", "X-User"], "'here' is not an address or network."),
    ],
)
def test_what_cannot_be_served_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    code, printed = run(capsys, *arguments)
    assert code == 2
    assert printed.startswith("error: ") and printed.count("\n") == 1
    assert said in printed


@pytest.mark.parametrize(
    ("arguments", "endpoints"),
    [
        ([], "any"),
        (["--name", "papers.example"], "none"),
        (["--name", "papers.example", "--session-endpoints"], "public"),
        (["--name", "papers.example", "--session-endpoints", "any"], "any"),
        (["--root-path", "/papers"], "none"),
        (["--trust-header", "X-User"], "none"),
        (["--host", "0.0.0.0", "--no-login"], "none"),
    ],
)
def test_only_who_is_on_this_machine_may_name_an_endpoint(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], endpoints: str
) -> None:
    served: list[Serving] = []
    monkeypatch.setattr("ui.server.serve", served.append)
    assert main(["ui", "--port", "0", *arguments]) == 0
    assert served[0].options.endpoints == endpoints


def test_log_level_and_metrics_are_as_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Serving] = []
    monkeypatch.setattr("ui.server.serve", served.append)
    assert main(["ui", "--port", "0"]) == 0
    assert main(["ui", "--port", "0", "--log-level", "info", "--open-metrics"]) == 0
    assert [(each.log_level, each.options.open_metrics) for each in served] == [("warning", False), ("info", True)]


def test_user_is_added_with_a_hashed_password(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    users = tmp_path / "users.txt"
    assert run(capsys, "--add-user", "ada", "--users", str(users)) == (0, f"ada is in {users}\n")
    assert "correct horse" not in users.read_text()
    assert Users(users).check("ada", "correct horse")
    assert not Users(users).check("ada", "wrong")
