"""The example of the document on cells runs."""

import subprocess
import sys
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "cells.md"


def test_the_example_of_the_document_runs(tmp_path: Path) -> None:
    code = DOCUMENT.read_text().partition("```python\n")[2].partition("```")[0]
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "torch.Size([1, 10])" in done.stdout
