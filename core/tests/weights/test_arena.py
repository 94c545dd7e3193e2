"""Memory for many tensors."""

import numpy
from hypothesis import given
from hypothesis import strategies as st
from nascore.weights.arena import Arena

WIDEST = 8


@given(sizes=st.lists(st.one_of(st.integers(0, 100), st.sampled_from([17 << 20, 5 << 20])), max_size=12))
def test_pieces_have_their_sizes_and_never_overlap(sizes: list[int]) -> None:
    arena = Arena(sum(sizes))
    pieces = [arena.take(size) for size in sizes]
    for number, piece in enumerate(pieces):
        piece[:WIDEST] = bytes([number]) * len(piece[:WIDEST])
        piece[-WIDEST:] = bytes([number]) * len(piece[-WIDEST:])
    for number, (piece, size) in enumerate(zip(pieces, sizes, strict=True)):
        assert len(piece) == size
        assert bytes(piece[:WIDEST]) + bytes(piece[-WIDEST:]) == bytes([number]) * (2 * min(size, WIDEST))


@given(sizes=st.lists(st.integers(1, 1000), max_size=20))
def test_pieces_are_aligned_for_the_widest_element(sizes: list[int]) -> None:
    arena = Arena(sum(sizes))
    for size in sizes:
        assert numpy.frombuffer(arena.take(size), numpy.uint8).ctypes.data % WIDEST == 0


def test_more_than_was_told_is_given_as_well() -> None:
    arena = Arena(10)
    assert [len(arena.take(size)) for size in (10, 1000, 3)] == [10, 1000, 3]
