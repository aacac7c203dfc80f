from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from pkgutil import resolve_name

import pytest

from eval.training.encoder import projection
from rag.cli.main import main, make_parser, run
from rag.cli.output import with_home
from tests.conftest import PROJECT

NOT_INSTALLED = ("eval.chat", "eval.training")


def commands(parser: argparse.ArgumentParser, path: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield path.strip(), parser
    for group in groups:
        for name, each in group.choices.items():
            yield from commands(each, f"{path} {name}")


COMMANDS = dict(commands(make_parser()))


def test_every_command_is_registered() -> None:
    evaluation = "run draft report compare bench verify judge ablate inject plant latency claims vectors".split()
    own = {
        "index",
        "search",
        "ask",
        "bench",
        "ui",
        "export",
        "backup",
        "restore",
        "doctor",
        "tune",
        "llm get",
        "llm serve",
    }
    assert set(COMMANDS) == own | {f"eval {name}" for name in evaluation}


@pytest.mark.parametrize("name", COMMANDS)
def test_command_runs_a_function_that_exists(name: str) -> None:
    assert callable(resolve_name(COMMANDS[name].get_default("run")))


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_has_examples(name: str) -> None:
    text = COMMANDS[name].format_help()
    assert f"citedesk {name}" in text.split("examples:")[1]


def needs_scipy(*_: object) -> int:
    raise ModuleNotFoundError("No module named 'scipy.stats'", name="scipy.stats")


def test_command_whose_extra_is_not_installed_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.set_defaults(run="tests.test_cli_main:needs_scipy", debug=False, home=None)
    assert run(lambda: parser, []) == 1
    expected = "error: scipy.stats is not installed. Run `pip install 'citedesk[eval]'`.\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize("module", [projection])
def test_training_reports_wrong_usage_and_errors_in_one_line(
    module: object, capsys: pytest.CaptureFixture[str]
) -> None:
    make = module.make_parser  # type: ignore[attr-defined]
    assert callable(resolve_name(make().get_default("run")))
    assert run(make, []) == 2
    assert capsys.readouterr().err.startswith("error: the following arguments are required")


def test_training_is_started_as_a_module() -> None:
    asked = subprocess.run(
        [sys.executable, "-m", "eval.training.selection", "--help"], cwd=PROJECT, capture_output=True, text=True
    )
    assert asked.stdout.startswith("usage: python -m eval.training.selection")


def test_every_package_is_installed_but_the_tools_of_a_checkout() -> None:
    listed = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    found = {
        ".".join(path.parent.relative_to(PROJECT).parts)
        for folder in ("rag", "ui", "eval")
        for path in (PROJECT / folder).rglob("__init__.py")
    }
    assert set(listed) == {name for name in found if not name.startswith(NOT_INSTALLED)}


def test_products_of_numpy_run_on_one_thread_unless_the_user_says_otherwise() -> None:
    code = (
        "import contextlib, os, sys; from rag.cli.main import main; early = 'numpy' in sys.modules\n"
        "with contextlib.suppress(SystemExit): main(['--version'])\n"
        "print(early, os.environ['OPENBLAS_NUM_THREADS'])"
    )
    for given, kept in (("", "1"), ("3", "3")):
        own = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
        own |= {"OPENBLAS_NUM_THREADS": given} if given else {}
        done = subprocess.run([sys.executable, "-c", code], env=own, capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == f"False {kept}"


def test_commands_in_a_message_work_when_pasted_where_a_home_was_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "my papers"
    assert run(make_parser, ["ask", "caches", "--no-llm", "--home", str(home)]) == 1
    assert capsys.readouterr().err.endswith(f"Run `citedesk index --home '{home}'` to build it.\n")
    assert run(make_parser, ["doctor", "--json", "--home", str(home)]) == 1
    details = " ".join(each["detail"] for each in json.loads(capsys.readouterr().out)["checks"])
    assert f"`citedesk index --home '{home}'`" in details
    assert "`citedesk index`" not in details


def test_commands_in_a_message_stay_as_they_are_where_no_home_was_given() -> None:
    message = "Run `citedesk index --rebuild PATH`, or `pip install 'citedesk[gpu]'`."
    assert with_home(message, None) == message
    assert with_home(message, Path("x")) == message.replace("PATH", "PATH --home x")


def test_error_with_terminal_escapes_is_shown_without_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["restore", f"{tmp_path}/\x1b[2Jevil\x07"]) == 2
    shown = capsys.readouterr().err
    assert shown == f"error: There is no file {tmp_path}/[2Jevil. Name one that `citedesk backup` wrote.\n"
