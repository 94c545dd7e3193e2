"""The examples of docs/models.md run, one after the other, as they stand there."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "models.md"


@pytest.mark.skipif(not PAGE.exists(), reason="the package is tested without its documents")
def test_examples_of_the_page_run(tmp_path: Path) -> None:
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL))
    assert code.count("class ") >= 4
    file = tmp_path / "page.py"
    file.write_text(code)
    run_file(file)


def run_file(file: Path) -> None:
    spec = importlib.util.spec_from_file_location("models_page", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules["models_page"] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules["models_page"]
