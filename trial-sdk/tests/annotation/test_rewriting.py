"""Compiled code: only the annotations change, byte for byte, whatever the file looks like."""

from __future__ import annotations

import ast
import re

import pytest
from nas_trial_plugin.annotation import KeyStyle, compile_files
from nascore.nni import is_nni_space, read_space, search_space_of, write_space
from nascore.space import SearchSpace

ANNOTATION = "@nni.mutable_layers({layer_choice: [f(a=1), g], layer_output: out})"
HEADER = (
    "import nas_trial.annotated as nas_annotated",
    'nas_program = nas_annotated.script(__name__, __file__, "search_space.json")',
)


def compiled(source: str | bytes, name: str = "net.py", **options: object):
    data = source.encode() if isinstance(source, str) else source
    return compile_files({name: data}, shown={name: name}, is_tree="/" in name, **options)


def code(source: str | bytes, **options: object) -> bytes:
    return compiled(source, **options).files["net.py"]


def without(text: bytes, *lines: str) -> bytes:
    for line in lines:
        assert text.count(line.encode()) == 1, text
        text = re.sub(re.escape(line.encode()) + rb"(\r\n|\n|\r)?", b"", text)
    return text


LAYER = (
    'out = nas_program.layer({nl}{i}    "{key}",{nl}{i}    {{{nl}'
    '{i}        "f(a=1)": nas_annotated.call(f, a=1),{nl}{i}        "g()": nas_annotated.call(g),{nl}'
    "{i}    }},{nl}{owner}{i})"
)


def expected(
    before: str, after: str, *, newline: str = "\n", indent: str = "", key: str = "net:out", owner: str = ""
) -> bytes:
    kept = f"{indent}    owner={owner},{newline}" if owner else ""
    return (before + LAYER.format(nl=newline, i=indent, key=key, owner=kept) + after).encode()


PLACES = {
    "module": ('x = 1\n"{a}"\ny = 2\n', "", "net:out", ""),
    "function": ('def build():\n    x = 1 ;   \n    "{a}"  # why\n    return out\n', "    ", "build:out", ""),
    "tabs": ('def build():\n\tif x:\n\t\t"{a}"\n\t\treturn out\n', "\t\t", "build:out", ""),
    "method": (
        "class Net(Base):\n  def forward(self, x):\n    '''{a}'''\n    return out\n",
        "    ",
        "Net.forward:out",
        "self",
    ),
    "class method": ("class A:\n @classmethod\n def f(cls):\n  r'{a}'\n", "  ", "A.f:out", "cls"),
    "static method": ("class A:\n @staticmethod\n def f(x):\n  u'{a}'\n", "  ", "A.f:out", ""),
    "async": ('async def go():\n    async with b:\n        """{a}"""\n', "        ", "go:out", ""),
    "loop": ('for i in range(3):\n    while x:\n        """{a}"""\n', "        ", "net:out", ""),
    "nested function": ('def f():\n  def g(self):\n    """{a}"""\n', "    ", "f.g:out", ""),
    "first in a function": ('def f():\n    """{a}"""\n', "    ", "f:out", ""),
    "semicolons": ('x = 1; "{a}"; y = 2\n', "", "net:out", ""),
    "parentheses": ('x = 1\n(\n  "{a}"\n )\ny = 2\n', "", "net:out", ""),
    "no newline at the end": ('x = 1\n"{a}"', "", "net:out", ""),
    "form feed": ('x = 1\n\f\n"{a}"\n\f\ny = 2\n', "", "net:out", ""),
    "blanks at the ends of lines": ('x = 1   \n\n\n"{a}"   \n  \n# end  \n', "", "net:out", ""),
    "continuation": ('x = 1 + \\\n  2\n"{a}"\nz = [\n1,2   ,\n]\n', "", "net:out", ""),
    "match": ('match x:\n    case 1:\n        "{a}"\n', "        ", "net:out", ""),
    "try": ('try:\n    "{a}"\nexcept* ValueError:\n    pass\n', "    ", "net:out", ""),
}


def written(source: str) -> str:
    return source.replace("{a}", ANNOTATION)


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_an_annotation_becomes_a_call_and_all_else_stays(place, newline: str) -> None:
    source, indent, key, owner = place
    before, after = re.split(r"(?:\(\s*)?[ru]?['\"]+\{a\}['\"]+(?:\s*\))?", source.replace("\n", newline))
    made = code(written(source).replace("\n", newline))
    wanted = expected(before, after, newline=newline, indent=indent, key=key, owner=owner)
    assert without(made, *HEADER) == wanted
    ast.parse(made)


def test_an_annotation_behind_the_head_of_a_block_stays_on_its_line() -> None:
    two = ANNOTATION.replace("})", "}, {layer_choice: [g(b='é')], layer_output: other})")
    made = code(f'if x: "{two}"; y = 2\nelse: z = 1\n')
    line = next(line for line in made.decode().splitlines() if line.startswith("if"))
    assert line.startswith("if x: out = nas_program.layer( ")
    assert "); other = nas_program.layer( " in line
    assert line.endswith("); y = 2")
    ast.parse(made)


ENCODINGS = {
    "latin-1": ("# -*- coding: latin-1 -*-\nx = 'é'\n", "latin-1", b""),
    "cp1252 after a shebang": ("#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nx = '€'\n", "cp1252", b""),
    "utf-8 with a mark": ("x = 'é'\n", "utf-8", b"\xef\xbb\xbf"),
    "utf-8 with mark and cookie": ("# coding: utf-8\nx = 'é'\n", "utf-8", b"\xef\xbb\xbf"),
    "utf-8": ("x = '日本'\n", "utf-8", b""),
}


@pytest.mark.parametrize("case", ENCODINGS.values(), ids=ENCODINGS)
def test_a_file_keeps_its_encoding(case) -> None:
    text, encoding, mark = case
    made = code(mark + f'{text}"{ANNOTATION}"\n'.encode(encoding))
    assert made.startswith(mark)
    assert without(made, *HEADER).removeprefix(mark) == expected(text, "\n").decode().encode(encoding)
    compile(made, "net.py", "exec")


HEADS = {
    "docstring": ('#!/usr/bin/python\n# a\n\n"""Doc\n\nmore."""\n# b\nimport x\n', "# b\n"),
    "future": (
        '"""Doc."""\n\nfrom __future__ import annotations\nfrom __future__ import division ; import y\nimport x\n',
        "import x\n",
    ),
    "comment": ("# a\n\n# b\nimport x\n", "import x\n"),
    "decorated": ("@d\ndef f(): pass\n", "@d\n"),
    "nothing above": ("", f'"{ANNOTATION}"'),
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_the_program_is_opened_before_everything_that_runs(head) -> None:
    source, first = head
    made = code(f'{source}"{ANNOTATION}"\n').decode()
    below = made.split(HEADER[1] + "\n")[1]
    assert below.startswith(first if source else "out = ")
    compile(made, "net.py", "exec")


def test_names_of_the_file_are_left_alone() -> None:
    made = code(f'nas_program = 1\nnas_annotated_ = nas_annotated = 2\n"{ANNOTATION}"\n').decode()
    assert "import nas_trial.annotated as nas_annotated__\n" in made
    assert "out = nas_program_.layer(" in made
    assert "nas_annotated__.call(f, a=1)" in made


def test_every_field_and_alias_is_compiled() -> None:
    old = """@nas.mutable_layers({
        layer_choice: [nn.conv(  ch = 128 , k=[3,3] ), self.pool, ops[0].f(x={'a': 1})],
        fixed_inputs: [x, h[0]],
        input_candidates: [self.c[0], out1],
        input_num: [0, 2],
        input_aggregate: concat(axis = 1),
        post_process: plus,
        layer_output: out4,
    },)"""
    made = compiled(f"def f(x):\n    '''{old}'''\n")
    assert (
        made.files["net.py"]
        .decode()
        .endswith(
            """    out4 = nas_program.layer(
        "f:out4",
        {
            "nn.conv(ch=128, k=[3, 3])": nas_annotated.call(nn.conv, ch=128, k=[3, 3]),
            "self.pool()": nas_annotated.call(self.pool),
            "ops[0].f(x={'a': 1})": nas_annotated.call(ops[0].f, x={'a': 1}),
        },
        fixed_inputs=[x, h[0]],
        optional_inputs={"self.c[0]": self.c[0], "out1": out1},
        optional_input_size=(0, 2),
        input_aggregate=nas_annotated.call(concat, axis=1),
        post_process=nas_annotated.call(plus),
    )
"""
        )
    )
    assert [node.label for node in made.space.nodes] == ["f:out4", "f:out4:inputs"]
    assert made.space.size().low == 3 * 4


VARIABLES = """
def main():
    '''@nni.variable(nni.choice(0.1, 0.01), name=lr)'''
    lr = 0.5  # why
    '''@nni.variable(nni.uniform(0.1, 0.9), name=self.keep)'''
    self.keep: float = (yield)
    '''@nni.variable(nni.choice(relu, tanh), name=act)'''
    act = (relu
           )
    '''@nni.variable(nni.randint(1, 9), name=pair[0])'''  # kept
    pair [0] = 1, 2
    '''@nni.function_choice(f(1), g( 1 ), name=f)'''
    y = h(f ( 1 ), f(2)) ; z = 1
"""


def test_other_annotations_change_the_next_statement_and_leave_the_rest_of_it() -> None:
    body = code(VARIABLES).decode().split('"search_space.json")\n')[1]
    assert body == (
        """def main():
    lr = nas_program.variable("main.lr", 0.5)  # why
    self.keep: float = (nas_program.variable("main.self.keep", (yield)))
    act = (nas_program.variable("main.act", relu, {"relu": relu, "tanh": tanh})
           )
    pass  # kept
    pair [0] = nas_program.variable("main.pair[0]", (1, 2))
    y = h(nas_program.function_choice("main.f()", {"f(1)": lambda: f(1), "g(1)": lambda: g(1)}), f(2)) ; z = 1
"""
    )
    ast.parse(body)


def test_reports_become_calls() -> None:
    lines = (
        '"""@nni.get_next_parameter()"""',
        'if x: "@nni.report_intermediate_result(a [0])"',
        "\"@nni.report_final_result({'default': b})\"",
    )
    made = code("\n".join(lines))
    assert made.decode().splitlines()[2:] == [
        "nas_program.get_next_parameter()",
        "if x: nas_program.report_intermediate_result(a[0])",
        "nas_program.report_final_result({'default': b})",
    ]


def test_keys_survive_edits_elsewhere_in_the_file() -> None:
    source = f'class A:\n    def f(self):\n        "{ANNOTATION}"\n        "{ANNOTATION}"\n'
    edited = f'import os\n\n\ndef g():\n    "{ANNOTATION}"\n\n\n{source}'
    labels = [node.label for node in compiled(source).space.nodes]
    assert labels == ["A.f:out", "A.f:out#2"]
    assert [node.label for node in compiled(edited).space.nodes] == ["g:out", *labels]


def test_keys_of_a_folder_begin_with_the_module() -> None:
    files = {name: f'"{ANNOTATION}"\n'.encode() for name in ("a.py", "pack/__init__.py", "pack/deep/b.py")}
    made = compile_files(files, shown={name: name for name in files}, is_tree=True)
    assert [node.label for node in made.space.nodes] == ["a:out", "pack:out", "pack.deep.b:out"]
    assert b'"../../search_space.json"' in made.files["pack/deep/b.py"]
    assert b'"../search_space.json"' in made.files["pack/__init__.py"]


def test_nni_keys_are_the_module_and_the_first_line_of_the_string() -> None:
    source = """x = 1
'''@nni.mutable_layers({
    layer_choice: [f(), g()], optional_inputs: [x, y], optional_input_size: [1, 2], layer_output: o
}, {layer_choice: [f()], layer_output: p})'''
'@nni.variable(nni.choice(1, 2), name=z)'
z = 1
"""
    made = compiled(source, "nas/net.py", keys=KeyStyle.NNI)
    text = made.files["search_space.json"].decode()
    assert is_nni_space(text)
    assert write_space(read_space(text)) == text
    assert search_space_of(read_space(text)) == made.space
    assert text == (
        """{
    "nas.net/mutable_block_2": {
        "_type": "mutable_layer",
        "_value": {
            "mutable_layer_0": {
                "layer_choice": ["f()", "g()"],
                "optional_inputs": ["x", "y"],
                "optional_input_size": [1, 2]
            },
            "mutable_layer_1": {
                "layer_choice": ["f()"],
                "optional_inputs": [],
                "optional_input_size": 0
            }
        }
    },
    "nas.net/z/choice": {
        "_type": "choice",
        "_value": [1, 2]
    }
}
"""
    )


def test_programs_become_workers_also_where_their_annotations_are_elsewhere() -> None:
    program = b"import net\n\nif __name__ == '__main__':\n    net.main()\n"
    own = b"import nas_trial as nas\n\nif __name__ == '__main__':\n    nas.run(T())\n"
    other = b"x = 1\n"
    files = {"run.py": program, "own.py": own, "other.py": other, "net.py": f'"{ANNOTATION}"\n'.encode()}
    made = compile_files(files, shown={name: name for name in files}, is_tree=True).files
    assert sorted(made) == ["net.py", "run.py", "search_space.json"]
    assert without(made["run.py"], *HEADER) == program


def test_a_file_that_uses_the_sdk_gets_its_trials_from_it() -> None:
    made = code(f'import nas_trial as nas\n"{ANNOTATION}"\n').decode()
    assert 'nas_program = nas_annotated.program(__file__, "search_space.json")' in made


def test_the_same_code_gives_the_same_bytes() -> None:
    files = {name: f'def f():\n    "{ANNOTATION}"\n'.encode() for name in ("b.py", "a.py", "c/d.py")}
    turned = dict(reversed(files.items()))
    shown = {name: name for name in files}
    first, second = (compile_files(each, shown=shown, is_tree=True) for each in (files, turned))
    assert first.files == second.files
    space = first.files["search_space.json"].decode()
    assert SearchSpace.from_json(space) == first.space
