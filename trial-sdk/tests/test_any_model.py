"""Properties of any model: small ones are put together at random from all primitives, and go through the whole SDK."""

import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nas_trial as nas
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nas_trial.export.standalone import module_of
from nascore.space import SearchSpace
from safetensors.torch import save_file
from torch import Tensor, nn

WIDTH = 4


class Perceptron(nn.Module):
    """Coupled widths, a condition, a remainder, a text."""

    def __init__(self) -> None:
        super().__init__()
        hidden = nas.ValueChoice([3, 6, 8])
        ratio = nas.Integer(1, 3)
        wide = nas.choose((hidden % 2 == 0) & (ratio > 1), hidden * 2, hidden + ratio)
        self.act = nas.ValueChoice(["relu", "gelu"])
        self.up = nas.Linear(WIDTH, hidden)
        self.slope = nas.PReLU(nas.select([1, hidden], ratio % 2))
        self.mid = nas.elastic(Gate)(hidden, out=nas.minimum(wide, 9))
        self.norm = nas.LayerNorm(nas.minimum(wide, 9))
        self.down = nas.Linear(nas.minimum(wide, 9), WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        x = self.slope(self.up(x).flatten(0, 1))
        x = self.mid(getattr(nn.functional, nas.current(self.act))(x))
        return self.down(self.norm(x)).unflatten(0, (2, -1))


class Gate(nn.Module):
    """A module that knows nothing of choices."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(width, out) - 0.5)
        self.norm = nn.BatchNorm1d(out)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x @ self.weight)


class Convolution(nn.Module):
    """Kernel sizes, groups, normalizations, transposed convolutions."""

    def __init__(self) -> None:
        super().__init__()
        width, kernel = nas.ValueChoice([2, 4, 6]), nas.ValueChoice([3, 5, 1])
        self.point = nas.Conv1d(WIDTH, width, 1)
        self.depthwise = nas.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        norms = {
            "batch": lambda: nas.BatchNorm1d(width),
            "group": lambda: nas.GroupNorm(2, width),
            "instance": lambda: nas.InstanceNorm1d(width, affine=True),
            "none": nn.Identity,
        }
        self.norm = nas.LayerChoice(norms)
        self.back = nas.ConvTranspose1d(width, WIDTH, kernel, padding=kernel // 2)
        self.drop = nas.Dropout(nas.Real(0.0, 0.5))

    def forward(self, x: Tensor) -> Tensor:
        return self.drop(self.back(self.norm(self.depthwise(self.point(x.mT))))).mT


class Picture(nn.Module):
    """A kernel that is a tuple, in two dimensions."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = nas.ValueChoice([(1, 3), (3, 1), (3, 3)])
        self.conv = nas.Conv2d(1, 2, self.kernel, padding=tuple(size // 2 for size in self.kernel))

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x[:, None]).mean(1) * nas.current(self.kernel)[0]


class Attention(nn.Module):
    """Heads and widths that fit each other."""

    def __init__(self) -> None:
        super().__init__()
        heads = nas.ValueChoice([1, 2, 3])
        width = heads * nas.ValueChoice([2, 4])
        self.enter = nas.Linear(WIDTH, width)
        self.norm = nas.RMSNorm(width)
        self.attention = nas.MultiheadAttention(width, heads, batch_first=True, kdim=WIDTH + 9, vdim=WIDTH + 9)
        self.memory = nas.Linear(width, WIDTH + 9)
        self.leave = nas.Linear(width, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.enter(x))
        memory = self.memory(y)
        return x + self.leave(self.attention(y, memory, memory, need_weights=False)[0])


class Recurrence(nn.Module):
    """A recurrent layer of several sizes."""

    def __init__(self) -> None:
        super().__init__()
        size = nas.ValueChoice([2, 5])
        self.layer = nas.GRU(WIDTH, size, nas.Integer(1, 2), batch_first=True, bidirectional=True)
        self.leave = nas.Linear(size * 2, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return self.leave(self.layer(x)[0])


class Plain(nn.Module):
    """No choices."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(WIDTH, WIDTH)
        self.act = nn.Tanh()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.layer(x))


class Fork(nn.Module):
    """Several parts, of whose results some go on."""

    def __init__(self, parts: list[Callable[[], nn.Module]], reduction: str, n_chosen: object) -> None:
        super().__init__()
        self.parts = nn.ModuleList([make() for make in parts])
        self.pick = nas.InputChoice(len(parts) + 1, n_chosen=n_chosen, reduction=reduction, dim=2)
        self.is_list = reduction == "none"
        self.join = nas.Linear(self.pick.count * WIDTH, WIDTH) if reduction == "concat" else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.pick([x, *[part(x) for part in self.parts]])
        return torch.stack(y).amax(0) if self.is_list else self.join(y)


@dataclass(frozen=True)
class Model:
    """A factory with a readable text, so that hypothesis shows what it found."""

    text: str
    make: Callable[[], nn.Module]

    def __call__(self) -> nn.Module:
        return self.make()

    def __repr__(self) -> str:
        return self.text


def leaf(cls: type[nn.Module]) -> Model:
    return Model(cls.__name__, cls)


def layer_choice(parts: list[Model]) -> Model:
    return Model(f"LayerChoice({parts})", lambda: nas.LayerChoice(list(parts)))


def repeat(part: Model, low: int, more: int, is_tied: bool) -> Model:
    text = f"Repeat({part}, ({low}, {low + more}), tied={is_tied})"
    return Model(text, lambda: nas.Repeat(lambda i: part(), (low, low + more), tied=is_tied))


def fork(parts: list[Model], reduction: str, low: int) -> Model:
    n_chosen = (
        1
        if low == 3
        else (max(low, 1), len(parts) + 1)
        if reduction in {"concat", "none"}
        else (min(low, len(parts)), len(parts))
    )
    return Model(f"Fork({parts}, {reduction}, {n_chosen})", lambda: Fork(list(parts), reduction, n_chosen))


def row(parts: list[Model]) -> Model:
    return Model(f"Row({parts})", lambda: nn.Sequential(*[part() for part in parts]))


def mutated(part: Model) -> Model:
    inner = nas.mutate(lambda: nn.Sequential(Plain(), part()), {nn.Tanh: lambda act: nas.LayerChoice([act, nn.ReLU])})
    return Model(f"mutate({part})", inner)


LEAVES = st.sampled_from(
    [leaf(cls) for cls in (Perceptron, Convolution, Picture, Attention, Recurrence, Plain, nn.Identity)]
)
MODELS = st.recursive(
    LEAVES,
    lambda parts: st.one_of(
        st.lists(parts, min_size=1, max_size=3).map(layer_choice),
        st.builds(repeat, parts, st.integers(0, 1), st.integers(0, 2), st.booleans()),
        st.builds(
            fork,
            st.lists(parts, min_size=1, max_size=3),
            st.sampled_from(["sum", "mean", "concat", "none"]),
            st.integers(0, 3),
        ),
        st.lists(parts, min_size=1, max_size=3).map(row),
        parts.map(mutated),
    ),
    max_leaves=6,
)
SEEDS = st.integers(0, 2**16)
X = torch.randn(2, 6, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def any_model(count: int):
    """Runs a test with that many models."""

    def decorated(test):
        kept = settings(max_examples=count, deadline=None, suppress_health_check=list(HealthCheck))
        return kept(given(MODELS, SEEDS)(test))

    return decorated


@pytest.fixture(autouse=True, scope="module")
def single_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@any_model(15)
def test_space_goes_through_json_and_every_sample_builds_with_the_keys_of_the_supernet(model: Model, seed: int) -> None:
    space = SearchSpace.from_json(nas.extract(model).to_json())
    assert space.fingerprint == nas.extract(model).fingerprint
    torch.manual_seed(seed)
    supernet, rng = nas.build(model, None).double().eval(), random.Random(seed)
    for _ in range(3):
        architecture = space.sample(rng)
        built = nas.build(model, architecture).double().eval()
        slices = nas.slices(supernet, architecture)
        assert list(built.state_dict()) == list(slices)
        nas.copy_weights(supernet.state_dict(), built, slices=slices)
        nas.activate(supernet, architecture)
        torch.testing.assert_close(supernet(X), built(X), rtol=1e-10, atol=1e-10)


@any_model(12)
def test_exported_source_loads_the_weights_and_computes_the_same(model: Model, seed: int) -> None:
    architecture = nas.extract(model).sample(random.Random(seed))
    built = nas.build(model, architecture).double().eval()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.py"
        file.write_text(nas.export_source(lambda: model().double(), architecture))
        state = {key: value.clone().contiguous() for key, value in built.state_dict().items()}
        save_file(state, file.with_suffix(".safetensors"))
        exported = module_of(file).load()
    assert not any(type(part).__module__.startswith("nas_trial") for part in exported.modules())
    torch.testing.assert_close(exported(X), built(X), rtol=1e-10, atol=1e-10)
