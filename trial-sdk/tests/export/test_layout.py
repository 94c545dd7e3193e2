"""Lines of the generated file."""

from __future__ import annotations

from nas_trial.export.layout import WIDTH, Brackets, Call, quoted, statement


def test_what_fits_stands_on_one_line() -> None:
    assert statement("self.op", Call("nn.Conv2d", ["1", "2"], {"padding": "1"}), indent=2) == (
        "        self.op = nn.Conv2d(1, 2, padding=1)"
    )


def test_what_does_not_fit_gets_a_line_for_each_item() -> None:
    text = statement("self.op", Call("nn.Sequential", [Call("nn.Linear", ["100", "100"])] * 5), indent=2)
    assert text.splitlines()[0] == "        self.op = nn.Sequential("
    assert text.splitlines()[1] == "            nn.Linear(100, 100),"
    assert text.splitlines()[-1] == "        )"
    assert all(len(line) <= WIDTH for line in text.splitlines())


def test_nested_wrappers_open_and_close_together() -> None:
    pair = Brackets("(", ['"key"', Call("nn.Sequential", [Call("nn.Linear", ["100", "100"])] * 5)], ")")
    text = statement("x", Call("nn.Sequential", [Call("OrderedDict", [Brackets("[", [pair], "]")])]), indent=0)
    assert text.startswith(
        'x = nn.Sequential(OrderedDict([\n    ("key", nn.Sequential(\n        nn.Linear(100, 100),\n'
    )
    assert text.endswith("\n    )),\n]))")


def test_a_tuple_of_one_keeps_its_comma() -> None:
    assert statement("x", Brackets("(", ["1"], ")"), indent=0) == "x = (1,)"


def test_any_text_is_quoted_so_that_python_reads_it_again() -> None:
    assert quoted("plain") == '"plain"'
    assert quoted('say "no"') == "'say \"no\"'"
    assert quoted("it's") == '"it\'s"'
    assert quoted("a\n\\") == '"a\\n\\\\"'
