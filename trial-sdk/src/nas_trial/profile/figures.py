"""What a network costs, counted on the meta device: parameters, multiply-accumulates, memory of activations.

Exact, and the same on every machine. Not here: time (``timing``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from nascore.errors import InvalidInputError, NascoreError, UnsupportedError
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from nas_trial.extract import Factory
from nas_trial.profile.live_memory import LiveMemory
from nas_trial.profile.parameters import count_parameters
from nas_trial.profile.sketch import inputs_of, on_meta, sketched

_META = "A network is profiled without data: nothing in its forward method may read the numbers in a tensor."


@dataclass(frozen=True, slots=True)
class Profile:
    """What a network costs for one example.

    Attributes:
        parameters: Number of parameters.
        macs: Multiply-accumulates of matrix products, convolutions and attention in one forward pass of one example, as
            ``torch.utils.flop_counter`` counts them (two operations each). Additions of biases, normalisations,
            activations and pooling are not among them.
        activation_bytes: The most bytes that inputs, outputs and everything between hold at once in that pass, when it
            is computed operation by operation without gradients. Neither weights nor the workspaces of kernels.
    """

    parameters: int
    macs: int
    activation_bytes: int


def profile(
    model: nn.Module | Factory,
    architecture: Mapping[str, object] | None = None,
    *,
    input_shape: Sequence[int] | None = None,
    example: object = None,
) -> Profile:
    """Counts what a network costs; only what its architecture uses counts.

    Args:
        model: A network, a supernet, or a factory of a model with choices, which is then built on the meta device.
        architecture: What is decided. Left out: the default architecture of a factory, the active one of a supernet.
        input_shape: Sizes of one example of 32-bit floats, without the batch: ``(3, 224, 224)``.
        example: What the network is called with, instead: a tensor, or a tuple of several. Of a whole batch, everything
            counts.

    Raises:
        InvalidInputError: There is neither a shape nor an example, or both; or an architecture without choices.
        ArchitectureError: The architecture does not belong to the space.
        StateError: No architecture is active in the supernet.
        UnsupportedError: The network cannot compute on the meta device.
    """
    network = sketched(model, architecture)
    if (input_shape is None) is (example is None):
        raise InvalidInputError(
            "A profile needs to know what goes into the network.",
            hint="Give either input_shape=(3, 224, 224), the shape of one example, or example=, a tensor or several.",
        )
    if input_shape is not None:
        return counted(network, inputs_of(tuple(input_shape)))
    inputs = example if isinstance(example, tuple) else (example,)
    return counted(network, inputs)


def counted(network: nn.Module, inputs: tuple[object, ...], named: Mapping[str, object] | None = None) -> Profile:
    """The profile of a network on the meta device, called with given arguments.

    Raises:
        StateError: No architecture is active in the supernet.
        UnsupportedError: The network cannot compute on the meta device.
    """
    parameters = count_parameters(network)
    arguments, keywords = on_meta(inputs), on_meta(dict(named or {}))
    tensors = [leaf for leaf in tree_leaves((arguments, keywords)) if isinstance(leaf, Tensor)]
    weights = (*network.parameters(), *network.buffers())
    # Entered before the counter, so that it sees what an operation is made of as well.
    memory = LiveMemory(weights=weights, inputs=tensors)
    with torch.no_grad(), torch.device("meta"), memory, FlopCounterMode(display=False) as counter:
        _called(network, arguments, keywords)
    return Profile(parameters, counter.get_total_flops() // 2, memory.peak)


def _called(network: nn.Module, arguments: object, keywords: object) -> None:
    assert isinstance(arguments, tuple)
    assert isinstance(keywords, dict)
    try:
        network(*arguments, **keywords)
    except NascoreError:
        raise
    except (RuntimeError, NotImplementedError) as error:
        if "meta" not in str(error):
            raise
        raise UnsupportedError(f"The network cannot be profiled: {error}", hint=_META) from error
