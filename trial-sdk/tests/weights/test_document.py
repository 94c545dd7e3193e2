"""The example of docs/warm-start.md runs, and its page names every preset, growth and field."""

import importlib.util
import re
from pathlib import Path

from nascore.weights.rules import PRESETS, Grow, rules_from_json

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "warm-start.md").read_text(encoding="utf-8")


def test_the_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "page.py"
    file.write_text(code)
    spec = importlib.util.spec_from_file_location("warm_start_page", file)
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    assert page.found.parents == (page.checkpoint,)
    assert len(page.store.list()) == 2


def test_every_word_of_the_rules_is_explained():
    for word in [*PRESETS, *Grow, "prefixes", "slices", "initialisations", "growths", "preset", "gather", "identity"]:
        assert f"`{word}`" in PAGE or f'"{word}"' in PAGE


def test_the_documents_in_the_page_are_rules():
    rules_from_json('{"prefixes": {"body.": "model."}}')
    for field, text in re.findall(r"^\| `(\w+)` \| `([\[{].*?[\]}])`[:;]", PAGE, re.MULTILINE):
        assert rules_from_json(f'{{"{field}": {text}}}')
