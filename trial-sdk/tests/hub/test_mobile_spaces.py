"""The mobile spaces and AutoFormer: published counts, small images, and that every architecture trains."""

import random

import nas_trial as nas
import pytest
import torch
from nas_trial import hub
from nas_trial.hub import autoformer, mobilenetv2, mobilenetv3, proxylessnas, shufflenetv2
from nascore.errors import SettingsError

SPACES = {
    space.name: space
    for space in (*mobilenetv2.SPACES, mobilenetv3.SPACE, proxylessnas.SPACE, shufflenetv2.SPACE, autoformer.SPACE)
}
KNOWN = [(space.name, name) for space in SPACES.values() for name in space.known]

# So many fewer channels, or so small images, that networks are trained in no time.
SMALL = {
    "mobilenetv2": {"width": 0.25},
    "mobilenetv2-cifar": {"width": 0.25, "downsampling": 4},
    "mobilenetv2-gpu": {"width": 0.25},
    "mobilenetv2-cifar-gpu": {"width": 0.25, "downsampling": 4},
    "mobilenetv3": {"width": 0.25},
    "proxylessnas": {"width": 0.25},
    "shufflenetv2": {"width": 0.25},
    "autoformer": {"resolution": 16, "downsampling": 8},
}


@pytest.fixture(autouse=True)
def _one_thread():
    """Small networks only wait for each other's threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_every_space_is_tried():
    assert SMALL.keys() == SPACES.keys()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("mobilenetv2", {"depth": 3}, "no option 'depth'"),
        ("mobilenetv2", {"width": "wide"}, "option width is 'wide'"),
        ("mobilenetv2", {"width": True}, "option width is True"),
        ("mobilenetv2", {"width": 0.0}, "option width is 0"),
        ("mobilenetv2", {"downsampling": 3}, "downsampling is 3"),
        ("mobilenetv2", {"downsampling": 64}, "downsampling is 64"),
        ("mobilenetv2", {"downsampling": 0}, "downsampling is 0"),
        ("mobilenetv2-cifar", {"downsampling": 16}, "downsampling is 16"),
        ("mobilenetv3", {"size": "huge"}, "size is 'huge'"),
        ("mobilenetv3", {"width": -1.0}, "option width is -1"),
        ("proxylessnas", {"target": "tpu"}, "target is 'tpu'"),
        ("shufflenetv2", {"downsampling": 2.0}, "downsampling is 2.0"),
        ("autoformer", {"resolution": 30}, "do not divide"),
        ("autoformer", {"downsampling": 0}, "downsampling is 0"),
        ("autoformer", {"size": "large"}, "size is 'large'"),
    ],
)
def test_an_option_that_cannot_be_is_refused(name, options, message):
    with pytest.raises(SettingsError, match=message) as caught:
        SPACES[name].make(classes=10, channels=3, **options)
    assert caught.value.hint


@pytest.mark.parametrize(("name", "known"), KNOWN)
def test_a_known_member_costs_what_was_published(name, known):
    space, member = SPACES[name], SPACES[name].known[known]
    factory = hub.model(name, **member.options)
    found = nas.profile(factory, hub.architecture(name, known), input_shape=space.input_shape)
    if member.parameters is not None:
        assert found.parameters == member.parameters
    if member.macs is not None:
        assert found.macs == member.macs


@pytest.mark.parametrize(
    ("name", "known", "parameters", "macs"),
    [
        # As rounded in their papers and repositories.
        ("mobilenetv2", "mobilenetv2-1.0", "3.5", "301"),
        ("proxylessnas", "proxyless-mobile", "4.1", "320"),
        ("proxylessnas", "proxyless-gpu", "7.1", "465"),
        ("proxylessnas", "proxyless-cpu", "4.4", "439"),
        ("shufflenetv2", "spos", "3.6", "323"),
        ("autoformer", "autoformer-small", "22.9", None),
        ("autoformer", "autoformer-base", "53.7", None),
    ],
)
def test_a_known_member_agrees_with_rounded_figures(name, known, parameters, macs):
    factory = hub.model(name, **SPACES[name].known[known].options)
    found = nas.profile(factory, hub.architecture(name, known), input_shape=SPACES[name].input_shape)
    assert f"{found.parameters / 1e6:.1f}" == parameters
    assert macs is None or f"{found.macs / 1e6:.0f}" == macs


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("mobilenetv2", 6**6 * 7**10),
        ("mobilenetv2-gpu", 6**6 * 7**15),
        ("proxylessnas", 6**6 * 7**15),
        ("shufflenetv2", 4**20),
        ("autoformer", 3 * sum(6**depth for depth in (12, 13, 14))),
        # Of each stage seven widths, and of each block kernel, expansion, squeeze and activation; of the first block
        # no expansion.
        ("mobilenetv3", 12 * (7 * sum(60**depth for depth in (1, 2, 3, 4))) ** 5),
    ],
)
def test_a_space_has_as_many_architectures_as_its_choices_make(name, size):
    found = nas.extract(hub.model(name)).size()
    assert (found.low, found.is_exact) == (size, True)
    assert SPACES[name].size in (None, size)


def test_the_default_of_mobilenetv2_is_mobilenetv2():
    space = nas.extract(hub.model("mobilenetv2"))
    assert space.default() == hub.architecture("mobilenetv2", "mobilenetv2-1.0")


@pytest.mark.parametrize("name", SPACES)
def test_architectures_train_at_reduced_size(name):
    side = SMALL[name].get("resolution", 32)
    _train(name, 8, shape=(2, 3, side, side), options=SMALL[name])


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", SPACES)
def test_fifty_architectures_train_at_full_size(name):
    _train(name, 50, shape=(1, *SPACES[name].input_shape), options={})


def _train(name, count, *, shape, options):
    factory = hub.model(name, **options)
    space = nas.extract(factory)
    rng = random.Random(7)
    images = torch.randn(*shape, generator=torch.Generator().manual_seed(7))
    for _ in range(count):
        network = nas.build(factory, space.sample(rng))
        logits = network(images)
        assert logits.shape == (shape[0], SPACES[name].classes)
        logits.square().mean().backward()
        untouched = [key for key, parameter in network.named_parameters() if parameter.grad is None]
        assert not untouched
        assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


@pytest.mark.parametrize("name", sorted(set(SPACES) - {"autoformer"}))
@pytest.mark.parametrize("downsampling", [1, 2, 8])
def test_images_shrink_as_the_option_says(name, downsampling):
    network = nas.build(hub.model(name, downsampling=downsampling, width=0.25, channels=1), None)
    nas.activate(network, nas.extract(hub.model(name, downsampling=downsampling, width=0.25, channels=1)).default())
    sizes = []
    network.pool.register_forward_pre_hook(lambda _, images: sizes.append(images[0].shape[2:]))
    network.eval()(torch.zeros(1, 1, 16, 16))
    assert sizes == [(16 // downsampling, 16 // downsampling)]


def test_strides_are_given_up_from_the_first_on():
    network = nas.build(hub.model("mobilenetv2", downsampling=4), hub.architecture("mobilenetv2", "mobilenetv2-1.0"))
    strides = [module.stride[0] for module in network.modules() if isinstance(module, torch.nn.Conv2d)]
    published = nas.build(hub.model("mobilenetv2"), hub.architecture("mobilenetv2", "mobilenetv2-1.0"))
    before = [module.stride[0] for module in published.modules() if isinstance(module, torch.nn.Conv2d)]
    strided = [place for place, stride in enumerate(before) if stride == 2]
    assert [place for place, stride in enumerate(strides) if stride == 2] == strided[-2:]


@pytest.mark.parametrize("name", SPACES)
def test_a_supernet_computes_what_the_built_network_computes(name):
    side = SMALL[name].get("resolution", 16)
    factory = hub.model(name, **SMALL[name])
    space = nas.extract(factory)
    supernet = nas.build(factory, None).eval()
    images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    for number in range(3):
        architecture = nas.activate(supernet, space.sample(random.Random(number)))
        network = nas.build(factory, architecture).eval()
        nas.copy_weights(supernet.state_dict(), network, slices=nas.slices(supernet, architecture))
        with torch.no_grad():
            torch.testing.assert_close(supernet(images), network(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("size", "image", "patch"), [("tiny", 8, 2), ("tiny", 32, 4)])
def test_a_transformer_takes_small_images(size, image, patch):
    network = nas.build(
        hub.model("autoformer", size=size, resolution=image, downsampling=patch, channels=1, classes=10), None
    )
    nas.activate(
        network, nas.extract(hub.model("autoformer", size=size, resolution=image, downsampling=patch)).default()
    )
    assert network(torch.zeros(2, 1, image, image)).shape == (2, 10)


def test_attention_knows_where_patches_lie():
    index = autoformer._distances(3, torch.device("cpu"))
    assert index.shape == (2, 10, 10)
    assert not index[:, 0].any()
    assert not index[:, :, 0].any()
    middle = index[:, 5, 1:].reshape(2, 3, 3) - autoformer._REACH - 1
    assert middle[0].tolist() == [[-1] * 3, [0] * 3, [1] * 3]
    assert middle[1].tolist() == [[-1, 0, 1]] * 3


def test_a_shuffle_block_passes_half_of_the_channels_by():
    block = shufflenetv2.ShuffleBlock(8, 8, kernel=3, stride=1, is_head=False)
    images = torch.randn(1, 8, 4, 4)
    assert torch.equal(block(images)[:, :4], images[:, ::2])
