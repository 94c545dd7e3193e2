"""How errors read: what was wrong and what to do are two sentences."""

import pytest
from nascore.errors import NascoreError, sentence


@pytest.mark.parametrize(
    ("message", "hint", "text"),
    [
        ("Connection refused", "Check that it runs.", "Connection refused. Check that it runs."),
        ("It is gone.", "Make it.", "It is gone. Make it."),
        ("Which one?", "Say it.", "Which one? Say it."),
        ("He said `stop.`", "Go.", "He said `stop.` Go."),
        ("one of `a`, `b`", "Choose.", "one of `a`, `b`. Choose."),
        ("no hint", "", "no hint"),
        ("", "only a hint", "only a hint"),
    ],
)
def test_message_and_hint_are_two_sentences(message, hint, text):
    assert str(NascoreError(message, hint=hint)) == text


@pytest.mark.parametrize("text", ["a.", "a:", "a!", "(a.)", "'a?'", "a…"])
def test_a_sentence_has_one_end(text):
    assert sentence(text) == text == sentence(f"{text} ")
