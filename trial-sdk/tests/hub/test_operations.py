"""Operations keep or halve the shape, and leave the tensor that they share with others as it was."""

import pytest
import torch
from nas_trial.hub.operations import OPERATIONS, FactorizedReduce, PoolBN, Zero
from torch import nn


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize(("stride", "size"), [(1, 8), (2, 4)])
def test_an_operation_keeps_or_halves_the_shape_and_its_input(name: str, stride: int, size: int) -> None:
    operation = OPERATIONS[name](6, stride, True)
    x = torch.randn(2, 6, 8, 8, generator=torch.Generator().manual_seed(0))
    before = x.clone()
    assert operation(x).shape == (2, 6, size, size)
    assert torch.equal(x, before)
    assert not any(part.inplace for part in operation.modules() if isinstance(part, nn.ReLU))


@pytest.mark.parametrize("name", OPERATIONS)
def test_batch_norms_have_weights_only_if_affine(name: str) -> None:
    norms = [part for part in OPERATIONS[name](4, 2, False).modules() if isinstance(part, nn.BatchNorm2d)]
    assert not any(norm.affine for norm in norms)


def test_zeros_are_finite_also_where_the_input_is_not() -> None:
    assert torch.equal(Zero(2)(torch.full((1, 2, 4, 4), torch.inf)), torch.zeros(1, 2, 2, 2))


def test_reducing_looks_at_every_pixel() -> None:
    reduce = FactorizedReduce(1, 2, is_linear=True).eval()
    x = torch.ones(1, 1, 4, 4, requires_grad=True)
    reduce(x).sum().backward()
    assert x.grad is not None
    assert (x.grad[0, 0, 0::2, 0::2] != 0).all()
    assert (x.grad[0, 0, 1::2, 1::2] != 0).all()


def test_reducing_takes_odd_sizes() -> None:
    assert FactorizedReduce(3, 4)(torch.zeros(2, 3, 7, 7)).shape == (2, 4, 4, 4)


def test_a_pooling_may_have_a_batch_norm_after_it() -> None:
    pool = PoolBN(nn.MaxPool2d(3, 1, 1), 4, affine=False)
    assert pool(torch.randn(8, 4, 5, 5)).mean().abs() < 1e-5
