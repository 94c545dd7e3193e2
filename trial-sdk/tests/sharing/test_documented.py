"""The examples of docs/sharing.md run, and the example of several processes learns."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "sharing.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("code", EXAMPLES, ids=range(len(EXAMPLES)))
def test_example_runs(code, tmp_path):
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("workers", [1, 2])
def test_processes_train_one_network(workers, tmp_path):
    pytest.importorskip("sklearn", reason="needs scikit-learn, whose digits it trains on")
    program = ROOT / "examples" / "async_sharing" / "train.py"
    words = ["--workers", str(workers), "--batches", "40", "--every", "4"]
    done = subprocess.run([sys.executable, program, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = re.search(r"workers: ([0-9.]+)% of the test images after 40 batches", done.stdout)
    assert found is not None
    assert float(found[1]) > 50
