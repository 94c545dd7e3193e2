"""Finds the annotations of a file with libcst: string statements that begin with ``@nni.`` or ``@nas.``.

A string with a space before the ``@``, an f-string, a byte string, and a string that is part of an expression are plain
text. Not here: what the annotations say (``texts`` and what uses it).
"""

# ruff: noqa: N802 -- the visitor's names are libcst's

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from nas_trial_plugin.annotation.findings import Place
from nas_trial_plugin.annotation.sourcefile import SourceFile
from nas_trial_plugin.annotation.texts import BEGINNING, Text

_MODULE = "nas_trial"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a file: where it begins and ends in the text, and its first line, from 1."""

    start: int
    end: int
    line: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that an annotation speaks of.

    Attributes:
        span: The statement.
        target: Source of what it assigns to; empty if it is no assignment of one value to one target.
        value: Where the assigned value stands.
        calls: Where calls by a plain or dotted name stand, outermost first, with the name.
        is_annotation: Whether it is an annotation itself.
    """

    span: Span
    target: str
    value: Span | None
    calls: tuple[tuple[str, Span], ...]
    is_annotation: bool


@dataclass(frozen=True, slots=True)
class Annotation:
    """An annotation in its file.

    Attributes:
        text: What it says.
        span: The string, with parentheses around it.
        scope: Names of the classes and functions around it, outermost first.
        owner: Name of the first parameter of the method that it stands in; empty outside of methods.
        follower: The statement after it; ``None`` at the end of a block.
        is_inline: Whether it stands on the line of a block's head, as in ``if x: "@nni..."``.
    """

    text: Text
    span: Span
    scope: tuple[str, ...]
    owner: str
    follower: Statement | None
    is_inline: bool


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What was found in a file.

    Attributes:
        annotations: In the order of the file.
        header: Where a line may be put in before everything that runs.
        imports_sdk: Whether it imports the SDK itself.
        is_program: Whether it says what to do when it is run.
        classes: Names of the classes that it defines.
    """

    annotations: tuple[Annotation, ...]
    header: int
    imports_sdk: bool
    is_program: bool
    classes: frozenset[str]


def survey(source: SourceFile) -> Surveyed:
    """Find the annotations of a file.

    Raises:
        libcst.ParserSyntaxError: It is not Python.
    """
    wrapper = MetadataWrapper(cst.parse_module(source.text), unsafe_skip_copy=True)
    positions = wrapper.resolve(PositionProvider)
    found = _Survey(source, positions)
    wrapper.module.visit(found)
    return Surveyed(
        tuple(sorted(found.annotations, key=lambda annotation: annotation.span.start)),
        _header(wrapper.module, source, positions),
        found.imports_sdk,
        found.is_program,
        frozenset(found.classes),
    )


class _Survey(cst.CSTVisitor):
    def __init__(self, source: SourceFile, positions: Mapping[cst.CSTNode, CodeRange]) -> None:
        super().__init__()
        self._source = source
        self._positions = positions
        self._scopes: list[cst.ClassDef | cst.FunctionDef] = []
        self.annotations: list[Annotation] = []
        self.classes: set[str] = set()
        self.imports_sdk = False
        self.is_program = False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> None:
        self.imports_sdk |= node.module is not None and _is_sdk(_dotted(node.module))

    def visit_ImportAlias(self, node: cst.ImportAlias) -> None:
        self.imports_sdk |= _is_sdk(_dotted(node.name))

    def visit_If(self, node: cst.If) -> None:
        test = node.test
        if isinstance(test, cst.Comparison) and isinstance(test.left, cst.Name) and test.left.value == "__name__":
            self.is_program |= not self._scopes

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self.classes.add(node.name.value)
        self._scopes.append(node)

    def leave_ClassDef(self, original_node: cst.ClassDef) -> None:
        self._scopes.pop()

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self._scopes.append(node)

    def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:
        self._scopes.pop()

    def visit_Module(self, node: cst.Module) -> None:
        self._visit_block(node.body)

    def visit_IndentedBlock(self, node: cst.IndentedBlock) -> None:
        self._visit_block(node.body)

    def visit_SimpleStatementSuite(self, node: cst.SimpleStatementSuite) -> None:
        self._visit_statements(node.body, following=None, is_inline=True)

    def _visit_block(self, body: Sequence[cst.BaseStatement]) -> None:
        for statement, following in zip(body, (*body[1:], None), strict=True):
            if isinstance(statement, cst.SimpleStatementLine):
                self._visit_statements(statement.body, following=following, is_inline=False)

    def _visit_statements(
        self, body: Sequence[cst.BaseSmallStatement], *, following: cst.BaseStatement | None, is_inline: bool
    ) -> None:
        for statement, after in zip(body, (*body[1:], following), strict=True):
            text = _annotation_text(statement)
            if text is None or not isinstance(statement, cst.Expr):
                continue
            first = after.body[0] if isinstance(after, cst.SimpleStatementLine) else after
            self.annotations.append(
                Annotation(
                    text=self._text(statement.value, text),
                    span=self._span(statement),
                    scope=tuple(scope.name.value for scope in self._scopes),
                    owner=self._owner(),
                    follower=None if first is None else self._statement(first),
                    is_inline=is_inline,
                )
            )

    def _text(self, node: cst.BaseExpression, value: str) -> Text:
        start = self._positions[node].start
        place = Place(self._source.name, start.line, start.column + 1)
        if not isinstance(node, cst.SimpleString) or ("\\" in node.value and "r" not in node.prefix):
            return Text(value, place, None)
        opening = len(node.prefix) + len(node.quote)
        return Text(value, place, Place(place.file, place.line, place.column + opening))

    def _statement(self, node: cst.CSTNode) -> Statement:
        target, value = "", None
        if isinstance(node, cst.Assign) and len(node.targets) == 1:
            target, value = _code(node.targets[0].target), self._span(node.value)
        elif isinstance(node, cst.AnnAssign) and node.value is not None:
            target, value = _code(node.target), self._span(node.value)
        calls = tuple((name, self._span(call)) for name, call in _calls(node))
        is_annotation = isinstance(node, cst.BaseSmallStatement) and _annotation_text(node) is not None
        return Statement(self._span(node), target, value, calls, is_annotation)

    def _span(self, node: cst.CSTNode) -> Span:
        found = self._positions[node]
        start = self._source.offset(found.start.line, found.start.column)
        return Span(start, self._source.offset(found.end.line, found.end.column), found.start.line)

    def _owner(self) -> str:
        function = next((scope for scope in reversed(self._scopes) if isinstance(scope, cst.FunctionDef)), None)
        if function is None or len(self._scopes) < 2 or not isinstance(self._scopes[-2], cst.ClassDef):
            return ""
        parameters = (*function.params.posonly_params, *function.params.params)
        decorators = {_code(decorator.decorator) for decorator in function.decorators}
        return parameters[0].name.value if parameters and "staticmethod" not in decorators else ""


def _annotation_text(statement: cst.CSTNode) -> str | None:
    """The text of a statement that is an annotation."""
    if not isinstance(statement, cst.Expr) or not isinstance(
        statement.value, cst.SimpleString | cst.ConcatenatedString
    ):
        return None
    value = statement.value.evaluated_value
    return value if isinstance(value, str) and BEGINNING.match(value) else None


def _calls(node: cst.CSTNode) -> Iterator[tuple[str, cst.Call]]:
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name | cst.Attribute):
        yield _code(node.func), node
    # Not into blocks: an annotation speaks of a statement, and not of what is below it.
    if not isinstance(node, cst.BaseCompoundStatement):
        for child in node.children:
            yield from _calls(child)


def _header(module: cst.Module, source: SourceFile, positions: Mapping[cst.CSTNode, CodeRange]) -> int:
    """Where the first statement begins that is neither the docstring nor an import from ``__future__``."""
    last: cst.CSTNode | None = None
    for number, line in enumerate(module.body):
        if not isinstance(line, cst.SimpleStatementLine) or not any(
            _is_from_future(part) or (number == 0 and _is_docstring(part)) for part in line.body
        ):
            break
        last = line
    line_number = 1 + (len(module.header) if last is None else positions[last].end.line)
    if last is None and module.body:
        # Comments that stand right above the first statement belong to the module's head, too.
        line_number = min(line_number, positions[module.body[0]].start.line)
    return source.starts[line_number - 1] if line_number <= len(source.starts) else len(source.text)


def _is_from_future(statement: cst.CSTNode) -> bool:
    return (
        isinstance(statement, cst.ImportFrom)
        and statement.module is not None
        and (_dotted(statement.module) == "__future__")
    )


def _is_docstring(statement: cst.CSTNode) -> bool:
    return (
        isinstance(statement, cst.Expr)
        and isinstance(statement.value, cst.SimpleString | cst.ConcatenatedString)
        and _annotation_text(statement) is None
    )


def _dotted(node: cst.CSTNode) -> str:
    if isinstance(node, cst.Attribute):
        return f"{_dotted(node.value)}.{node.attr.value}"
    return node.value if isinstance(node, cst.Name) else ""


def _is_sdk(module: str) -> bool:
    return module.split(".", maxsplit=1)[0] == _MODULE and module not in ("nas_trial.nni", "nas_trial.annotated")


def _code(node: cst.CSTNode) -> str:
    return cst.Module(body=()).code_for_node(node)
