"""The macro space of ENAS has the published size, and joins the layers that its text says."""

import nas_trial as nas
import torch
from nas_trial.hub.enas_macro import SPACE


def test_the_space_has_the_published_size() -> None:
    size = nas.extract(lambda: SPACE.make(classes=10, channels=3)).size()
    assert size.low == size.high == SPACE.size == 6**12 * 2**66


def test_the_published_network_joins_what_its_text_says() -> None:
    decisions = SPACE.known["enas"].decisions
    assert decisions["layer_3.op"] == "conv_5x5"
    assert decisions["layer_3.skips"] == ("2",)
    assert len([path for path in decisions if path.endswith(".op")]) == 24
    with torch.device("meta"):
        make = lambda: SPACE.make(classes=10, channels=3, layers=24, width=96)  # noqa: E731 -- the factory
        network = nas.build(make, decisions)
    assert network.layers[3].skip.op[1].weight.shape == (96, 192, 1, 1)
    assert network.fc.weight.shape == (10, 384)
