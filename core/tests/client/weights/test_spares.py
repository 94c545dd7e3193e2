"""Which files of an offer are written again."""

from nascore.client.weights.spares import Spares


def laid(*sizes: int) -> Spares:
    spares = Spares()
    for number, size in enumerate(sizes):
        assert not spares.take(f"{number}", size)
        assert spares.lay_down(f"{number}", size)
    return spares


def test_nothing_is_spare_while_the_server_may_still_copy() -> None:
    spares = laid(10, 10)
    assert spares.kept_bytes == 0
    assert not spares.take("other", 10)


def test_what_was_copied_is_spare_for_a_blob_of_just_its_length() -> None:
    spares = laid(10, 20)
    assert spares.settle(limit=100) == []
    assert spares.kept_bytes == 30
    assert not spares.take("other", 15)
    assert spares.take("other", 20) == "1"
    assert not spares.take("one more", 20)


def test_each_file_is_given_once_and_its_own_digest_gets_it_first() -> None:
    spares = laid(10, 10, 10)
    spares.settle(limit=100)
    assert spares.take("1", 10) == "1"
    assert {spares.take("a", 10), spares.take("b", 10)} == {"0", "2"}
    assert not spares.take("c", 10)


def test_what_is_not_needed_goes_before_what_was_just_laid_down() -> None:
    spares = laid(10, 20)
    spares.settle(limit=100)
    spares.take("new", 30)
    spares.lay_down("new", 30)
    assert spares.settle(limit=40) == ["1"]
    assert spares.kept_bytes == 40
    assert spares.take("other", 10) == "0"


def test_no_more_is_kept_than_the_limit() -> None:
    assert laid(10, 50, 10).settle(limit=49) == ["1"]
    assert laid(10, 20).settle(limit=0) == ["0", "1"]


def test_a_blob_that_is_laid_down_after_the_end_is_nobodys() -> None:
    spares = laid(10)
    spares.settle(limit=100)
    assert not spares.lay_down("late", 10)
    assert spares.kept_bytes == 10
