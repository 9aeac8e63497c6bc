"""The parser under a fuzzer that is led by coverage: briefly here, for long in ``make fuzz``."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.fuzz.mutator import Mutator
from tests.fuzz.seeds import all_seeds, write_corpus
from tests.fuzz.test_grammar import feed

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
RUNS = int(os.environ.get("FUZZ_PARSER_RUNS", "5000"))


def without_atheris() -> None:
    """Let mutations by rule stand in for it: there is no atheris for Python 3.14 and later."""
    mutator = Mutator(1, all_seeds())
    for _ in range(RUNS):
        feed(mutator.make())


def test_no_input_makes_the_parser_raise_what_is_not_written_down(tmp_path: Path) -> None:
    if find_spec("atheris") is None:
        without_atheris()
        return
    corpus = tmp_path / "corpus"
    write_corpus(corpus)
    command = [
        sys.executable, "-m", "tests.fuzz.parser_target", f"-runs={RUNS}", "-max_len=4096", "-seed=1", "-verbosity=0",
        f"-artifact_prefix={tmp_path}/", str(corpus),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr[-3000:]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(("crash-", "timeout-", "oom-"))] == []
