"""What trials write where the experiment's folder is not at hand: the worker's own output, which names them."""

from __future__ import annotations

import re

import pytest


@pytest.mark.parametrize("isolation", ["fork", "none"])
def test_the_output_of_a_worker_without_the_folder_names_its_trials(serve, isolation, tmp_path) -> None:
    served = serve("good", "good")
    output = served.work(NASCORE_ISOLATION=isolation, NASCORE_FOLDER="", NASCORE_HOME=str(tmp_path))
    lines = [line for line in output.splitlines() if re.match(r"--- trial|epoch 2/2", line)]
    shown = [re.sub(r", \d{4}-.*", "", line).partition(":")[0] for line in lines]
    assert len(shown) == 4, output
    assert shown[0] == "--- trial 0, attempt 1"
    assert shown[1].startswith("epoch 2/2")
    assert shown[2] == "--- trial 1, attempt 1"
    assert shown[3].startswith("epoch 2/2")
    assert not (served.folder / "logs").exists()
