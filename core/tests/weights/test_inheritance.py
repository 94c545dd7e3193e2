import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nascore.errors import InvalidInputError
from nascore.weights import DirectoryStore, Manifest, TensorData
from nascore.weights.inheritance import Cut, Fit, Inherited, Initialisation, Rules, Wanted, cut, inherit


def data_of(array):
    return TensorData("I16", array.shape, np.ascontiguousarray(array).tobytes())


KERNEL = np.arange(6 * 4 * 5 * 5, dtype="int16").reshape(6, 4, 5, 5)
BIAS = np.arange(6, dtype="int16")


@pytest.fixture
def store(tmp_path):
    return DirectoryStore(tmp_path)


@pytest.fixture
def parent(store):
    return store.put({"stem.w": data_of(KERNEL), "stem.b": data_of(BIAS)}, trial=0)


def inherited(store, parent, *wanted, **rules):
    return inherit(store.manifest(parent), wanted, rules=Rules(**rules), read=lambda keys: store.get(parent, keys=keys))


def test_equal_keys_and_shapes_are_inherited_without_reading_anything(store, parent):
    def read(keys):
        raise AssertionError(keys)

    wanted = [Wanted("stem.b", "I16", (6,)), Wanted("head.w", "I16", (6,)), Wanted("stem.w", "I16", (6, 4, 3, 3))]
    found = inherit(store.manifest(parent), wanted, read=read)
    assert [entry.key for entry in found.entries] == ["stem.b"]
    assert found.inherited == (Inherited("stem.b", "stem.b"),)
    assert "no tensor 'head.w'" in found.left["head.w"]
    assert "[6, 4, 5, 5]" in found.left["stem.w"]


def test_a_narrower_network_with_smaller_kernels_inherits_the_leading_channels_and_the_centre(store, parent):
    rules = {"cuts": (Cut("*.w", (Fit.LEADING, Fit.LEADING, Fit.CENTRE, Fit.CENTRE)), Cut("*.b", (Fit.LEADING,)))}
    wanted = (Wanted("stem.w", "I16", (3, 4, 3, 3)), Wanted("stem.b", "I16", (3,)))
    found = inherited(store, parent, *wanted, **rules)
    assert found.inherited[0].ranges == ((0, 3), (0, 4), (1, 4), (1, 4))
    child = store.put({entry.key: found.data[entry.digest] for entry in found.entries}, trial=1, parents=[parent])
    assert store.manifest(child).entries == found.entries
    assert store.get(child) == {"stem.w": data_of(KERNEL[:3, :, 1:4, 1:4]), "stem.b": data_of(BIAS[:3])}


def test_the_longest_prefix_names_the_parents_key(store, parent):
    prefixes = {"": "nowhere.", "cells.0.": "other.", "cells.0.conv.": "stem."}
    found = inherited(store, parent, Wanted("cells.0.conv.b", "I16", (6,)), prefixes=prefixes)
    assert found.inherited == (Inherited("cells.0.conv.b", "stem.b"),)
    assert found.entries[0].digest == next(e.digest for e in store.manifest(parent).entries if e.key == "stem.b")


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (Wanted("stem.b", "F16", (6,)), "I16, not F16"),
        (Wanted("stem.b", "I16", (7,)), "axis 0 may not be cut"),
        (Wanted("stem.b", "I16", (6, 1)), r"\[6\], not \[6, 1\]"),
        (Wanted("stem.w", "I16", (6, 3, 5, 5)), "axis 1 may not be cut"),
        (Wanted("stem.w", "I16", (6, 4, 4, 5)), "no centre of 4"),
    ],
)
def test_what_does_not_fit_is_left_with_the_reason(store, parent, wanted, reason):
    cuts = (Cut("*.b", (Fit.LEADING,)), Cut("*.w", (Fit.LEADING, Fit.EXACT, Fit.CENTRE, Fit.CENTRE)))
    found = inherited(store, parent, wanted, cuts=cuts)
    assert not found.entries
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(found.left[wanted.key])


def test_initialisations_are_named_and_nothing_else(store, parent):
    rule = Initialisation("stem.w", "gather", axis=0, indices=(0, 1, 1), scales=(1.0, 0.5, 0.5))
    found = inherited(store, parent, Wanted("stem.w", "I16", (3, 4, 5, 5)), initialisations=(rule,))
    assert found.initialised == {"stem.w": rule}
    assert (found.entries, found.left) == ((), {})


def test_rules_that_are_none_are_refused(store, parent):
    with pytest.raises(InvalidInputError):
        Initialisation("*", "pickle")
    with pytest.raises(InvalidInputError):
        Initialisation("*", "gather", indices=(1,), scales=(1.0, 2.0))
    with pytest.raises(InvalidInputError):
        inherited(store, parent, Wanted("x", "I16", (-1,)))
    with pytest.raises(InvalidInputError):
        inherited(store, parent, *[Wanted("x", "I16", (1,))] * 2)
    assert inherit(Manifest(0, ()), [], read=lambda keys: {}).entries == ()


@given(st.data())
def test_a_cut_is_what_numpy_cuts(data):
    shape = tuple(data.draw(st.lists(st.integers(0, 5), max_size=4)))
    array = np.arange(int(np.prod(shape)), dtype="int16").reshape(shape)
    ranges = []
    for size in shape:
        begin = data.draw(st.integers(0, size))
        ranges.append((begin, data.draw(st.integers(begin, size))))
    wanted = array[tuple(slice(*limits) for limits in ranges)]
    assert cut(data_of(array), ranges) == data_of(wanted)
