"""Inputs that fuzzing has found are read as they must be; `fuzz.py` looks for more."""

from __future__ import annotations

from collections import defaultdict

import pytest

from tests.fuzz_targets import TARGETS, seeds

_INPUTS: dict[str, list[bytes]] = defaultdict(list)
for _name, _data in seeds():
    _INPUTS[_name].append(_data)


@pytest.mark.parametrize("name", TARGETS)
def test_what_must_hold_of_any_bytes_holds_of_those_that_fuzzing_found(name: str) -> None:
    assert _INPUTS[name]
    with TARGETS[name]() as check:
        for data in _INPUTS[name]:
            try:
                check(data)
            except Exception as error:
                error.add_note(repr(data))
                raise
