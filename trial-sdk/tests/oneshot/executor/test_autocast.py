"""Autocast is for forward passes; weights, their gradients and second order keep their precision."""

import pytest
import torch
from nas_trial.oneshot.executor import ExecutorOptions
from nas_trial.oneshot.executor.precision import true_precision
from nascore.record import Task, Unrolled


def products_of(net, run):
    """Element types that the second layer's convolution gives."""
    seen = set()
    handle = net.net.second.conv[1].register_forward_hook(lambda _, given, out: seen.add(out.dtype))
    run()
    handle.remove()
    return seen


def test_autocast_computes_in_bfloat16_and_stores_in_float32(kit, images, batches):
    net = kit.made(images, dtype=torch.float32, options=ExecutorOptions(autocast=True))
    batch = batches(1, dtype=torch.float32)
    sample = kit.sample(kit.mixture(net))
    assert products_of(net, lambda: net.executor.train(sample, batch)) == {torch.bfloat16}
    assert {each.dtype for each in net.net.parameters()} == {torch.float32}
    plain = kit.made(images, dtype=torch.float32)
    for first, second in zip(
        net.executor.gradient(kit.sample(kit.mixture(net), Task.GRADIENT), batch).gradient,
        plain.executor.gradient(kit.sample(kit.mixture(plain), Task.GRADIENT), batch).gradient,
        strict=True,
    ):
        assert first.weights == pytest.approx(second.weights, abs=0.3)


def test_second_order_never_runs_in_bfloat16(kit, images, batches):
    net = kit.made(images, dtype=torch.float32, options=ExecutorOptions(autocast=True))
    first, second = batches(2, dtype=torch.float32)
    sample = kit.sample(kit.mixture(net), Task.GRADIENT, unrolled=Unrolled())
    seen = products_of(net, lambda: net.executor.gradient(sample, [first], next_batch=second))
    assert seen == {torch.float32}


def test_precision_of_products_is_put_back():
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        with true_precision(torch.device("cpu")):
            assert torch.get_float32_matmul_precision() == "highest"
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)
