"""Every snippet of the README runs, alone and in an empty folder."""

import os
import re
from pathlib import Path

import pytest
from tests import processes

README = (Path(__file__).parents[1] / "README.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
PRINTED = dict(re.findall(r"```python\n([^`]*)```\n[^`]*```text\n(.*?)```", README, re.DOTALL))
"""What a snippet prints, where the README says it."""


def test_there_are_snippets() -> None:
    assert len(SNIPPETS) >= 3


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_a_snippet_runs_alone(number: int, tmp_path: Path) -> None:
    script = re.sub(r"steps=600\b", "steps=3", SNIPPETS[number])  # a minute of training is not needed to see it run
    done = processes.start(script, tmp_path)
    done.wait(300)
    assert done.returncode == 0, done.stderr.read_text()
    written, printed = re.findall(r'"(\w+\.png)"', script), PRINTED.get(SNIPPETS[number], "")
    assert done.stdout.read_text() == printed or not printed
    assert (written or printed) and sorted(os.listdir(tmp_path)) == sorted(written)
