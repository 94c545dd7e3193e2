"""What the documents show is true: their code runs, their links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from nascore.record import Objective, Outcome, OutcomeStatus, Proposal, proposal_seed
from nascore.testing.spaces import KNOWN_SPACES
from nascore.tuner import Plugins, Setup

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("*/*/README.md")]
)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)", document.read_text())
    missing = [link for link in links if not (document.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize(
    "package",
    [
        "core",
        "trial-sdk",
        "plugins/nas-random",
        "plugins/nas-evolution",
        "plugins/nas-enas",
        "plugins/nas-darts",
        "plugins/nas-optuna",
        "plugins/nas-katib",
    ],
)
def test_the_first_example_of_a_package_runs(package: str, tmp_path: Path) -> None:
    code = re.search(r"```python\n(.*?)```", (ROOT / package / "README.md").read_text(), re.DOTALL)
    assert code is not None
    done = subprocess.run([sys.executable, "-c", code[1]], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _distribution(folder: Path) -> None:
    text = (ROOT / "docs" / "writing-a-tuner.md").read_text()
    code = re.search(r"```python\n(# hill_climbing\.py.*?)```", text, re.DOTALL)
    toml = re.search(r"```toml\n(.*?)```", text, re.DOTALL)
    assert code is not None
    assert toml is not None
    entry = re.search(r"hill-climbing = \"(\w+)\"", toml[1])
    assert entry is not None
    (folder / "hill_climbing.py").write_text(code[1])
    info = folder / "nas_hill_climbing-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: nas-hill-climbing\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(f"[nascore.tuners]\nhill-climbing = {entry[1]}\n")


def test_the_tuner_of_the_document_is_found_and_climbs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _distribution(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    tuner_type = Plugins("nascore.tuners").load("hill-climbing")
    space = KNOWN_SPACES["flat28"]
    tuner = tuner_type(Setup(space, (Objective("hits"),), seed=0), tuner_type.settings_type(first_random=5))
    best = []
    for number in range(300):
        proposal = tuner.ask(number, proposal_seed(0, number))
        assert isinstance(proposal, Proposal)
        assert proposal.architecture is not None
        assert not space.validate(proposal.architecture)
        hits = sum(value == space.default()[path] for path, value in proposal.architecture.items())
        tuner.tell(proposal, Outcome(OutcomeStatus.COMPLETED, {"hits": float(hits)}))
        best.append(hits)
    sys.modules.pop("hill_climbing", None)
    assert max(best) >= max(best[:5]) + 10
