from pathlib import Path

from nascore.cli.failure import InputFileError, block_of, render_block, show_failure
from nascore.errors import HeldError, NotFoundError, SpaceError, Violation
from rich.console import Console


def rendered(error):
    console = Console(width=100, no_color=True)
    with console.capture() as capture:
        console.print(render_block(block_of(error)))
    return capture.get()


def test_a_block_says_what_where_how_to_mend_and_the_code():
    error = InputFileError("Unknown key `x`.", where="e.yaml:7", excerpt="   7 │ x: 1", hint="Did you mean `y`?")
    assert [line.rstrip() for line in rendered(error).splitlines()] == [
        "error  Unknown key `x`.",
        "where  e.yaml:7",
        "          7 │ x: 1",
        "fix    Did you mean `y`?",
        "code   [INVALID_SETTINGS]",
    ]


def test_one_finding_is_where_and_several_are_a_list():
    one = SpaceError("Bad.", violations=(Violation("op/conv3", "no key"),))
    assert block_of(one).where == "op/conv3"
    two = SpaceError("Bad.", violations=(Violation("a", "x"), Violation("b", "y")))
    assert block_of(two).findings == ("a: x", "b: y")


def test_wrong_input_exits_with_2_and_everything_else_with_1(capsys):
    assert show_failure(SpaceError("x"), is_debug=False) == 2
    assert show_failure(NotFoundError("x"), is_debug=False) == 1
    assert show_failure(HeldError("x"), is_debug=False) == 1
    assert show_failure(ValueError("x"), is_debug=False) == 1
    assert capsys.readouterr().out == ""


def test_control_characters_of_a_message_never_reach_the_terminal():
    assert "\x1b" not in rendered(NotFoundError("\x1b[2Jgone \x9b31m"))


def test_markup_in_a_message_is_text():
    assert "[bold]x[/bold] [0]" in rendered(NotFoundError("[bold]x[/bold] [0]"))


def test_an_error_of_the_system_names_the_file():
    block = block_of(PermissionError(13, "Permission denied", "/x/y"))
    assert (block.what, block.where, block.code) == ("Permission denied.", "/x/y", "OS_ERROR")


def test_no_line_of_an_error_in_a_pipe_ends_with_spaces(capsys):
    show_failure(NotFoundError("There is nothing of that name here.", hint="Look."), is_debug=False)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [line.rstrip() for line in lines]


def test_every_code_of_the_command_line_has_its_row():
    page = (Path(__file__).parents[3] / "docs" / "errors.md").read_text()
    for code in ("WRONG_USAGE", "SEARCH_FAILED", "TRIAL_FILE_FAILED", "OS_ERROR"):
        assert f"| `{code}` |" in page
