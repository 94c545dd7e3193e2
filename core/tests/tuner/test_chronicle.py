"""What a chronicle says is read back as it was written, and anything else is refused with a sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nascore.errors import DataLossError
from nascore.tuner.chronicle import BLANK, MAX_LENGTH, Chronicle, Turn, continued

EXAMPLE = Chronicle((Turn((), 3), Turn((0, 2), 2), Turn((1, 5), 1, {5: "their-7"})))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("2 >3", "its version is '2'"),
        ("nascore", "its version is 'nascore'"),
        (" ", "its version is ''"),
        ("1  >3", "the word ''"),
        ("1 3", "the word '3'"),
        ("1 >", "the word '>'"),
        ("1 >-1", "the word '>-1'"),
        ("1 >1 0,>1", "the word '0,'"),
        ("1 >2 ,0>1", "the word ',0'"),
        ("1 >1 0=>1", "the word '0='"),
        ("1 >1 ０>1", "the word '０'"),
        ("1 >" + 10 * "9", "the word"),
        ("1 >1 1>1", "trial 1 is told of before it is proposed"),
        ("1 >2 1,1>1", "trial 1 is told of twice"),
        ("1 >2 1>1 1>0", "trial 1 is told of twice"),
        ("1 " + "a" * MAX_LENGTH, "characters, of which at most"),
    ],
)
def test_what_no_chronicle_says_is_refused_with_a_sentence(text, what):
    with pytest.raises(DataLossError, match=r"cannot be read") as refusal:
        Chronicle.read(text)
    assert what in refusal.value.message
    assert "told of all trials anew" in refusal.value.hint


def test_nothing_is_a_chronicle_without_turns():
    assert Chronicle.read("") == Chronicle.read(BLANK) == Chronicle()
    assert str(Chronicle()) == BLANK


def test_the_text_is_as_documented():
    assert str(EXAMPLE) == "1 >3 0,2>2 1,5=their-7>1"
    assert Chronicle.read("1 >3 0,2>2 1,5=their-7>1") == EXAMPLE


def test_numbers_that_were_given_out_otherwise_are_passed_over():
    text = "1 @4 3>1 @9 5,8>1"
    assert Chronicle.read(text).turns == (Turn((3,), 1, skipped_to=4), Turn((5, 8), 1, skipped_to=9))
    assert str(Chronicle.read(text)) == text
    assert Chronicle.read("1 >1 @7").turns[-1] == Turn(skipped_to=7)
    assert Chronicle.read("1 >1 @7 @9 8>1").turns[-1] == Turn((8,), 1, skipped_to=9)


def test_a_turn_in_which_nothing_happened_leaves_no_trace():
    assert continued("1 >3", Turn()) == "1 >3"


@given(st.data())
def test_what_is_written_is_read_back(data):
    turns, given_out, untold = [], 0, []
    for _ in range(data.draw(st.integers(0, 6))):
        skipped_to = data.draw(st.sampled_from([0, given_out + 1, given_out + 3]))
        untold += range(given_out, skipped_to)
        given_out = max(given_out, skipped_to)
        told = data.draw(st.lists(st.sampled_from(untold), unique=True)) if untold else []
        untold = [number for number in untold if number not in told]
        names = data.draw(st.lists(st.text(min_size=1), max_size=2))
        strangers = dict(enumerate(names, given_out))
        given_out += len(strangers)
        asked = data.draw(st.integers(1 if skipped_to else 0, 3))
        untold += range(given_out, given_out + asked)
        given_out += asked
        turns.append(Turn((*told, *strangers), asked, strangers, skipped_to))
    chronicle = Chronicle(tuple(turn for turn in turns if str(turn)))
    assert Chronicle.read(str(chronicle)) == chronicle


@given(st.text(alphabet="1 @>,=09a%", max_size=30))
def test_any_text_is_read_or_refused(text):
    try:
        read = Chronicle.read(text)
    except DataLossError:
        return
    assert Chronicle.read(str(read)) == read
