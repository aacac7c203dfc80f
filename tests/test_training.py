"""The recipe of both models: its steps are commands that the two trainings know."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.training import __main__ as recipe


def test_each_step_is_run_once_and_in_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ran: list[str] = []
    for name in ("encoder", "cross_encoder"):
        module = __import__(f"eval.training.{name}.__main__", fromlist=["_parser"])

        def parse(words: list[str], parser: object = module._parser()) -> int:
            given = parser.parse_args(words)  # type: ignore[attr-defined]
            ran.append(getattr(given, "name", words[0]))
            assert str(tmp_path) in str(given.work)
            return 0

        monkeypatch.setattr(recipe, name, parse)
    arguments = [str(tmp_path), "--data", "data", "--start", "start", "--scifact", "scifact"]
    assert recipe.main([*arguments, "--", "--epochs", "1"]) == 0
    assert len(ran) == len(recipe.STEPS)
    assert ran.index("mpnet") < ran.index("s12") < ran.index("s10") < ran.index("e3")
