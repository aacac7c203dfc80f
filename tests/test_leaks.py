"""The check for what tests leave open, on a suite of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import PROJECT

pytest_plugins = ["pytester"]

LEAKING = "import os\n\ndef test_that_leaks() -> None:\n    [os.dup(0) for _ in range(30)]\n"
TIDY = "import os\n\ndef test_that_is_tidy() -> None:\n    [os.close(os.dup(0)) for _ in range(30)]\n"
PLUGIN = """
from tests.leaks import LeakCheck

def pytest_configure(config):
    config.pluginmanager.register(LeakCheck(patience=0.1))
"""


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system does not list open files")
def test_half_of_a_suite_that_leaves_files_open_fails_and_names_the_module(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    pytester.makeconftest(PLUGIN)
    pytester.makepyfile(test_a=TIDY, test_b=LEAKING, test_c=TIDY)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["E*half of the tests left 30 more files and threads open: test_b.py 30"])
