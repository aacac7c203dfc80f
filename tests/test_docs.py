from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from eval.docs import figures_table, fill, main, pages
from rag.cli.main import make_parser
from rag.errors import UsageError
from rag.settings import PREFIX, Settings
from tests.conftest import PROJECT

FIGURES = {
    "speed": {
        "heading": "what",
        "columns": {"time": "time", "n": "n"},
        "digits": 1,
        "unit": " s",
        "measured": "2026-11-24",
        "command": "citedesk eval run",
        "note": "Two cores.",
        "rows": {
            "all": {"label": "all", "n": 64, "time": {"value": 0.62, "interval": [0.5, 0.75]}},
            "fast": {"label": "a|b", "time": "61 to 78 ms"},
        },
    }
}


def page_name(path: Path) -> str:
    return str(path.relative_to(PROJECT))


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", without_code(path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(path: Path) -> Iterator[list[str]]:
    for block in re.findall(
        r"^```(?:sh|console)\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    ):
        for line in block.splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            if words[:1] == ["citedesk"]:
                yield words[1 : next((i for i, word in enumerate(words) if word[0] in "<>"), None)]


def test_table_shows_value_unit_interval_and_how_it_was_measured() -> None:
    assert figures_table(FIGURES, "speed") == (
        "| what | time | n |\n"
        "| --- | --- | --- |\n"
        "| all | 0.6 s [0.5, 0.8] | 64 |\n"
        "| a\\|b | 61 to 78 ms |  |\n"
        "\n"
        "Two cores. Measured 2026-11-24: `citedesk eval run`\n"
    )


def test_table_of_named_rows_has_only_those() -> None:
    assert "| all |" not in figures_table(FIGURES, "speed", "fast")


@pytest.mark.parametrize("names", [("slow",), ("speed", "slow")])
def test_table_or_row_that_is_not_stored_is_an_error(names: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="has no 'slow'"):
        figures_table(FIGURES, *names)


def test_generated_part_replaces_what_stood_there() -> None:
    filled = fill("Before.\n<!-- generated: settings -->\nold\n<!-- end -->\nAfter.\n")
    assert filled.startswith("Before.\n<!-- generated: settings -->\n\n## ")
    assert "\n| `CITEDESK_POOL` | `100`" in filled
    assert filled.endswith("|\n\n<!-- end -->\nAfter.\n")
    assert "\nold\n" not in filled
    assert fill(filled) == filled


def test_every_setting_is_in_the_tables_and_no_other() -> None:
    filled = fill("<!-- generated: settings -->\n<!-- end -->")
    assert re.findall(r"^\| `(\w+)`", filled, re.MULTILINE) == [PREFIX + each.name.upper() for each in fields(Settings)]


@pytest.mark.parametrize("name", ["weather", "figures", "settings home"])
def test_part_that_nothing_generates_is_an_error(name: str) -> None:
    with pytest.raises(UsageError, match="nothing generates"):
        fill(f"<!-- generated: {name} -->\n<!-- end -->")


def test_check_fails_for_a_stale_page_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "README.md"
    page.write_text("<!-- generated: commands -->\n<!-- end -->\n")
    monkeypatch.setattr("eval.docs._PROJECT", tmp_path)
    assert main(["--check"]) == 1
    assert capsys.readouterr().err == "README.md: stale, run `make docs`\n"
    assert page.read_text() == "<!-- generated: commands -->\n<!-- end -->\n"
    assert main([]) == 0 == main(["--check"])


@pytest.mark.parametrize("page", pages(), ids=page_name)
def test_links_lead_somewhere(page: Path) -> None:
    text = without_code(page.read_text(encoding="utf-8"))
    targets = [*re.findall(r"\]\(([^)\s]+)\)", text), *re.findall(r'<img src="([^"]+)"', text)]
    for target in targets:
        if not target.startswith("https:"):
            file, _, anchor = target.partition("#")
            found = (page.parent / file) if file else page
            assert found.exists(), target
            assert not anchor or anchor in anchors(found), target


@pytest.mark.parametrize("page", pages(), ids=page_name)
def test_commands_and_settings_exist(page: Path) -> None:
    for words in commands(page):
        make_parser().parse_args(words)
    named = set(re.findall(r"CITEDESK_[A-Z_]*[A-Z]", page.read_text(encoding="utf-8")))
    assert named <= {PREFIX + each.name.upper() for each in fields(Settings)}


def test_commands_are_found_in_the_pages() -> None:
    assert sum(len(list(commands(page))) for page in pages()) > 40


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert "\nmake test " in (PROJECT / "README.md").read_text(encoding="utf-8")
    assert "\nmake test\n" in (PROJECT / ".ci" / "run").read_text(encoding="utf-8")
