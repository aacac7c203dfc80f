"""Write the generated parts of README.md and docs/: `python -m eval.docs`; with `--check`, fail where one is stale.

A generated part stands between two comments, and the first one names what belongs there:

    <!-- generated: figures quality ndcg@10 mrr -->
    <!-- end -->

- `settings`: the tables of `rag.settings.Settings`.
- `commands`: every command with its options and examples, from the parser behind `citedesk … --help`.
- `figures TABLE [ROW …]`: a table of docs/figures.json, which holds each measured figure once. A row
  with `"baseline": NAME` is computed from the run stored in eval/baseline.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import Field, fields
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from rag.errors import UsageError

_PROJECT = Path(__file__).resolve().parent.parent
_PART = re.compile(r"(<!-- generated: (?P<name>\w+)(?P<arguments>[^>]*?) -->\n).*?(<!-- end -->)", re.DOTALL)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the generated parts, or check them; return 1 where a check finds a stale part."""
    parser = argparse.ArgumentParser(prog="python -m eval.docs", description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, and fail where a part is stale")
    check = parser.parse_args(arguments).check
    stale = []
    for path in pages():
        text = path.read_text(encoding="utf-8")
        try:
            generated = fill(text)
        except UsageError as error:
            raise SystemExit(f"error: {path.relative_to(_PROJECT)}: {error}") from None
        if generated != text:
            stale.append(path)
            if not check:
                path.write_text(generated, encoding="utf-8")
    for path in stale:
        sys.stderr.write(f"{path.relative_to(_PROJECT)}: {'stale, run `make docs`' if check else 'written'}\n")
    return int(check and bool(stale))


def pages() -> list[Path]:
    """Return the Markdown files that may hold generated parts."""
    return [*sorted(_PROJECT.glob("*.md")), *sorted((_PROJECT / "docs").glob("*.md"))]


def fill(text: str) -> str:
    """Return a page with its generated parts replaced; raise UsageError for a part that nothing generates."""
    return _PART.sub(lambda part: f"{part[1]}{_part(part['name'], part['arguments'].split())}{part[4]}", text)


def _part(name: str, arguments: Sequence[str]) -> str:
    if name == "figures" and arguments:
        return figures_table(_figures(), *arguments)
    if name in ("settings", "commands") and not arguments:
        return settings_table() if name == "settings" else commands_reference()
    raise UsageError(f"nothing generates `{' '.join((name, *arguments))}`. See eval/docs.py.")


def settings_table() -> str:
    """Return a table of the settings for each group: variable, default and meaning."""
    from rag.settings import PREFIX, Settings

    parts = []
    for group, settings in groupby(fields(Settings), lambda each: each.metadata.get("group", "all")):
        rows = [[f"`{PREFIX}{each.name.upper()}`", _default(each), each.metadata["meaning"]] for each in settings]
        parts.append(f"## {group.capitalize()}\n\n{_table(['variable', 'default', 'meaning'], rows)}")
    return "\n" + "\n".join(parts) + "\n"


def _default(setting: Field[Any]) -> str:
    """Return a setting's default with its unit, without the paths of this machine."""
    value, unit = setting.default, setting.metadata.get("unit", "")
    if shown := setting.metadata.get("shown_default"):
        return str(shown)
    if isinstance(value, Path):
        return f"`{value.relative_to(_PROJECT)}` in a checkout"
    if value in (None, ()):
        return "not set"
    return f"`{f'{value:g}' if isinstance(value, float) else value}` {unit}".rstrip()


def commands_reference() -> str:
    """Return every command of the program with its options and examples."""
    from rag.cli.main import make_parser

    return "\n" + "\n".join(_reference(make_parser()))


def _reference(parser: argparse.ArgumentParser) -> Iterator[str]:
    actions = parser._actions  # the one record of a parser's options; its printed help differs between Python versions
    commands = [each for each in actions if isinstance(each, argparse._SubParsersAction)]
    if not commands:
        yield f"## {parser.prog}\n\n{parser.description}\n"
        options = [_option(each) for each in actions if each.help and each.dest != "help"]
        yield _table(["option", "meaning"], options)
        examples = [line for line in (parser.epilog or "").splitlines() if line.startswith("  ")]
        yield "\n".join(["```sh", *(line.strip() for line in examples), "```", ""])
    for command in commands:
        for each in command.choices.values():
            yield from _reference(each)


def _option(action: argparse.Action) -> list[str]:
    value = "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest.upper()
    words = [", ".join(action.option_strings), "" if action.nargs == 0 else str(action.metavar or value)]
    return [f"`{' '.join(filter(None, words))}`", str(action.help)]


def figures_table(figures: Mapping[str, Any], name: str, *rows: str) -> str:
    """Return a table of measured figures, all rows or those named, and below it how they were measured."""
    try:
        table = figures[name]
        chosen = [table["rows"][row] for row in rows] if rows else list(table["rows"].values())
    except KeyError as error:
        raise UsageError(f"docs/figures.json has no {error} for the table {name}.") from None
    columns = table["columns"]
    lines = [[row["label"], *(_cell(column, row, table) for column in columns)] for row in map(_row, chosen)]
    source = f"Measured {table['measured']}: `{table['command']}`"
    note = " ".join(filter(None, (table.get("note"), source)))
    return f"{_table([table['heading'], *columns.values()], lines)}\n{note}\n"


def _row(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**row, **_baseline()[row["baseline"]]} if "baseline" in row else row


def _cell(column: str, row: Mapping[str, Any], table: Mapping[str, Any]) -> str:
    """Return a figure with its unit and interval; a text stands as it is."""
    figure = row.get(column, "")
    if not isinstance(figure, dict):
        return str(figure)
    digits, unit = (figure.get(each, table.get(each, "")) for each in ("digits", "unit"))
    interval = ", ".join(f"{bound:.{digits}f}" for bound in figure.get("interval", ()))
    return f"{figure['value']:.{digits}f}{unit}" + (f" [{interval}]" if interval else "")


@cache
def _figures() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads((_PROJECT / "docs" / "figures.json").read_text(encoding="utf-8"))
    return found


@cache
def _baseline() -> Mapping[str, Mapping[str, Any]]:
    """Return value and n of each measure of the run that `make gate` compares with."""
    from eval.runs.folder import RunFolder
    from eval.runs.summary import summarize

    overall = summarize(RunFolder(_PROJECT / "eval" / "baseline").read()).overall
    return {
        name: {"value": {"value": each.mean, "interval": (each.low, each.high)}, "n": each.n}
        for name, each in overall.items()
    }


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
