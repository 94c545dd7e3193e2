"""Models of the hub are exported like any model: their code goes along, and nothing of the SDK does."""

import importlib
import random
from pathlib import Path

import nas_trial as nas
import pytest
import torch
from nas_trial.export.origin import is_local, is_sdk
from nas_trial.export.standalone import module_of
from safetensors.torch import save_file


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("nasbench201", {}),
        ("mobilenetv3", {}),
        ("autoformer", {"resolution": 64}),
        ("amoebanet", {"layers": 4, "width": 8}),
    ],
)
def test_hub_model_is_exported_with_its_code(name: str, options: dict[str, int], tmp_path: Path) -> None:
    hub = importlib.import_module(f"nas_trial.hub.{name}")
    space = next(value for value in vars(hub).values() if type(value).__name__ == "HubSpace")

    def factory() -> torch.nn.Module:
        return space.make(classes=3, channels=3, **{**space.options, **options})

    architecture = nas.extract(factory).sample(random.Random(0))
    model = nas.build(factory, architecture).eval()
    file = tmp_path / "model.py"
    file.write_text(nas.export_source(factory, architecture))
    state = {key: value.clone().contiguous() for key, value in model.state_dict().items()}
    save_file(state, file.with_suffix(".safetensors"))
    exported = module_of(file).load()
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(exported(x), model(x), rtol=0, atol=1e-6)
    assert "nas_trial" not in file.read_text()


def test_hub_counts_as_code_of_the_user_wherever_it_is_installed() -> None:
    assert not is_sdk("nas_trial.hub.darts")
    assert is_sdk("nas_trial.hubris")
    assert is_sdk("nascore.errors")
    assert is_local(importlib.import_module("nas_trial.hub").__file__)
    assert not is_local(torch.__file__)
