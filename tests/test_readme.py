"""The README's code runs as it stands."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=["api", "search space"])
def test_the_blocks_run(block: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "block.py").write_text(block)
    ended = subprocess.run(
        [sys.executable, "block.py"], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=240
    )
    assert ended.returncode == 0, ended.stderr
    if "write_report" in block:
        assert (tmp_path / "runs" / "three" / "report.html").exists()


def test_links_lead_somewhere() -> None:
    places = [each for each in re.findall(r"\]\(([^)]+)\)", README) if "://" not in each]
    assert places
    assert not [each for each in places if not (ROOT / each).exists()]
