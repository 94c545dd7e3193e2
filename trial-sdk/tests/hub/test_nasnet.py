"""Spaces of cells with loose ends, or of one cell, have the sizes of Radosavovic et al. (2019), table 1."""

import nas_trial as nas
import pytest
from nas_trial.hub import amoebanet, enas_micro, nasnet, pnas
from nas_trial.hub.entry import HubSpace


@pytest.mark.parametrize(
    ("space", "operations", "billions", "cells"),
    [
        (nasnet.SPACE, 13, 71_465_842, 2),
        (amoebanet.SPACE, 8, 556_628, 2),
        (pnas.SPACE, 8, 556_628, 1),
        (enas_micro.SPACE, 5, 5_063, 2),
    ],
    ids=["nasnet", "amoebanet", "pnas", "enas-micro"],
)
def test_the_number_of_cells_is_the_published_one(space: HubSpace, operations: int, billions: int, cells: int) -> None:
    size = nas.extract(lambda: space.make(classes=10, channels=3, layers=3, width=4)).size()
    one = (2 * 3 * 4 * 5 * 6) ** 2 * operations**10
    assert abs(one - billions * 10**9) <= 10**9 // 2
    assert size.low == size.high == one**cells


def test_the_published_cells_join_the_published_loose_ends() -> None:
    def outputs(space: HubSpace, name: str) -> list[tuple[int, ...]]:
        network = nas.build(lambda: space.make(classes=10, channels=3, layers=3, width=4), space.known[name].decisions)
        return [network.cells[i].outputs for i in (0, 1)]

    assert outputs(nasnet.SPACE, "nasnet-a")[1] == (4, 5, 6)  # every cell after the first of three reduces
    assert outputs(nasnet.SPACE, "nasnet-a")[0] == (2, 3, 4, 5, 6)
    assert outputs(amoebanet.SPACE, "amoebanet-a") == [(4, 5, 6), (3, 4, 6)]
    assert outputs(pnas.SPACE, "pnasnet-5") == [(2, 3, 4, 5, 6)] * 2
