import pytest
from nascore.cli.duration import format_duration, parse_duration
from nascore.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("1.5h", 5400), ("1h30m", 5400), ("24h", 86400), ("2d 3h", 183600), ("1W", 604800)],
)
def test_durations_are_read_as_people_write_them(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-5s", "24x", "h", "nan", "inf", "1h30", "1e999"])
def test_what_is_no_duration_is_refused_with_examples(text):
    with pytest.raises(SettingsError, match=r"not a duration above zero.*1h30m"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(4.2, "4.2 s"), (59, "59 s"), (185, "3 min 05 s"), (3720, "1 h 02 min"), (183600, "2 d 03 h")],
)
def test_durations_are_written_for_people(seconds, text):
    assert format_duration(seconds) == text
