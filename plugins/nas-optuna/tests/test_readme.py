"""What the README and the guide show runs as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parents[1]
DOCUMENTS = {"README": HERE / "README.md", "guide": HERE.parents[1] / "docs" / "optuna.md"}


def _examples() -> list[tuple[str, str]]:
    return [
        (f"{name}-{place}", code)
        for name, path in DOCUMENTS.items()
        if path.exists()
        for place, code in enumerate(re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL))
    ]


@pytest.mark.parametrize("code", [pytest.param(code, id=name) for name, code in _examples()])
def test_example_runs(code: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
