"""The code of one of the user's classes: which methods and class attributes are copied, and their text.

Copied is what some copied code mentions by name, from ``forward`` on. Methods that a class inherits from another class
of the user's are copied into it, and ``super().forward`` then calls the copy, under the name ``_Parent_forward``. The
``__init__`` of a module is never copied: the export writes one from the built module.
"""

from __future__ import annotations

import ast

from torch import nn

from nas_trial.export.carried import Carried
from nas_trial.export.failure import ExportError
from nas_trial.export.layers import layer_class
from nas_trial.export.names import outer_names, own_attributes
from nas_trial.export.origin import is_sdk
from nas_trial.export.rewritten import is_super_attribute, rewritten, without_current
from nas_trial.export.written import Definition, SourceFile, file_of

_NEVER = {"__init__", "__new__", "__init_subclass__", "__class_getitem__", "__repr__", "__doc__", "__module__"}
_QUESTIONS = {"chosen", "count"}
_ALWAYS = {"forward", "train", "eval", "get_extra_state", "set_extra_state"}


class CopiedClass:
    """One class of the user's, of which members are copied as they turn out to be needed.

    Attributes:
        cls: The class.
        layer: The class of `torch.nn` that it derives from; ``None`` if it is not a module.
        own_uses: Attributes that its copied methods use of ``self``, each with the place of the first use.
    """

    def __init__(self, cls: type, carried: Carried, *, never: frozenset[str] = frozenset(_NEVER)) -> None:
        self.cls = cls
        self.layer = layer_class(cls)
        self.own_uses: dict[str, str] = {}
        self._carried = carried
        self._never = never
        self._bases = [base for base in cls.__mro__ if is_users(base)]
        self._texts: dict[str, str] = {}
        self._trees: list[ast.stmt] = []
        self._files: list[SourceFile] = []
        self._order: dict[str, tuple[int, int]] = {}

    def copy_mentioned(self) -> bool:
        """Copies the members that copied code mentions by now, and says whether there were new ones."""
        before = len(self._texts)
        for name in sorted(self._wanted()):
            found = self._find(name, 0)
            if found is not None:
                self._copy(name, name, *found)
        return len(self._texts) > before

    @property
    def class_attributes(self) -> str:
        """Text of the copied class attributes, in the order in which they were written."""
        return "\n".join(self._texts[name] for name in self._sorted() if not self._order[name][0])

    @property
    def methods(self) -> tuple[str, ...]:
        """Texts of the copied methods, in the order in which they were written; those of base classes last."""
        return tuple(self._texts[name] for name in self._sorted() if self._order[name][0])

    @property
    def has_members(self) -> bool:
        """Whether anything was copied."""
        return bool(self._texts)

    @property
    def docstring(self) -> str:
        """The class's docstring with its quotes, moved to column 0; empty if it has none."""
        if not self._bases or self._bases[0] is not self.cls:
            return ""
        file = file_of(self.cls)
        node = file.find_class(self.cls)
        return file.segment(node.body[0]) if ast.get_docstring(node, clean=False) is not None else ""

    def calls(self, child: str) -> bool:
        """Whether the copied methods call ``self.child``, or leave it alone; if not, they go through it themselves."""
        uses = [node for tree in self._trees for node in ast.walk(tree) if _is_attribute(node, child)]
        called = [
            node
            for tree in self._trees
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and _is_attribute(node.func, child)
        ]
        return bool(called) or not uses

    def refuse_questions(self, child: str) -> None:
        """Refuses methods that ask a choice what was decided, which plain torch cannot answer.

        Raises:
            ExportError: One does; its line is named.
        """
        for file, tree in zip(self._files, self._trees, strict=True):
            for node in ast.walk(tree):
                if isinstance(node, ast.Attribute) and node.attr in _QUESTIONS and _is_attribute(node.value, child):
                    raise ExportError(
                        f"{file.where(node)}: asks the choice {child!r} for its {node.attr}.",
                        hint="Write what depends on it into the candidates; for a Repeat, len() gives the count.",
                    )

    def _sorted(self) -> list[str]:
        return sorted(self._texts, key=self._order.__getitem__)

    def _wanted(self) -> set[str]:
        offered = {name for base in self._bases for name in vars(base)} - self._never
        mentioned = offered & (_ALWAYS | self._carried.attributes)
        return (mentioned | (offered & _special_methods(self._bases))) - self._texts.keys()

    def _find(self, name: str, start: int) -> tuple[int, SourceFile, list[ast.stmt]] | None:
        for index, base in enumerate(self._bases[start:], start=start):
            if name not in vars(base):
                continue
            file = file_of(base)
            nodes = [node for node in file.find_class(base).body if name in _defined(node)]
            if nodes:
                return index, file, nodes
        return None

    def _copy(self, name: str, written_name: str, index: int, file: SourceFile, nodes: list[ast.stmt]) -> None:
        texts = []
        self._order[written_name] = (isinstance(nodes[0], Definition), index * 10**6 + nodes[0].lineno)
        self._texts[written_name] = ""
        for node in nodes:
            text = self._without_super(file, node, index)
            if written_name != name:
                text = text.replace(f"def {name}(", f"def {written_name}(", 1)
            texts.append(text)
            self._trees.append(node)
            self._files.append(file)
            self._note_own_uses(file, node)
            own = outer_names(text) & {member for base in self._bases for member in vars(base)}
            self._carried.attributes |= own
            self._carried.use(file, node, text, known=own)
        self._texts[written_name] = "\n\n".join(texts) if isinstance(nodes[0], Definition) else "\n".join(texts)

    def _note_own_uses(self, file: SourceFile, node: ast.stmt) -> None:
        for attribute, place in own_attributes(node).items():
            self.own_uses.setdefault(attribute, f"{file.where(place)}")

    def _without_super(self, file: SourceFile, node: ast.stmt, index: int) -> str:
        """The text of a member, with ``super().name`` replaced by the copy of what it means."""

        def change(place: ast.AST) -> str | None:
            if not isinstance(place, ast.Attribute) or not is_super_attribute(place):
                return None
            copy = self._super_copy(place.attr, node, index)
            if copy is None:
                self._refuse_sdk_method(place.attr, file, node)
            return copy or f"super().{place.attr}"

        return rewritten(without_current(file, file.segment(node)), change)

    def _super_copy(self, name: str, node: ast.stmt, index: int) -> str | None:
        found = self._find(name, index + 1)
        if found is None or name in self._never:
            return None
        written_name = f"_{self._bases[found[0]].__name__}_{name}"
        if written_name not in self._texts:
            self._copy(name, written_name, *found)
        owner = node.args.args[0].arg if isinstance(node, ast.FunctionDef) and node.args.args else "self"
        return f"{owner}.{written_name}"

    def _refuse_sdk_method(self, name: str, file: SourceFile, node: ast.stmt) -> None:
        for base in self.cls.__mro__:
            if is_sdk(base.__module__) and name in vars(base) and name != "__init__":
                raise ExportError(
                    f"{file.where(node)}: super().{name} is {base.__name__}.{name} of the SDK.",
                    hint="A stand-alone file has no SDK: write out what it does.",
                )


def is_users(cls: type) -> bool:
    """Whether a class is neither Python's, nor torch's, nor the SDK's: its code has to be copied."""
    home = cls.__module__
    return not is_sdk(home) and home.partition(".")[0] not in {"torch", "builtins", "abc", "typing"}


def is_users_module(module: nn.Module) -> bool:
    """Whether a module is of a class of the user's."""
    return is_users(type(module))


def _is_attribute(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == name


def _defined(node: ast.stmt) -> set[str]:
    if isinstance(node, Definition):
        return {node.name}
    if isinstance(node, ast.Assign):
        return {inner.id for target in node.targets for inner in ast.walk(target) if isinstance(inner, ast.Name)}
    if isinstance(node, ast.AnnAssign) and node.value is not None and isinstance(node.target, ast.Name):
        return {node.target.id}
    return set()


def _special_methods(bases: list[type]) -> set[str]:
    written = set()
    for base in bases:
        node = file_of(base).find_class(base)
        written |= {member.name for member in node.body if isinstance(member, Definition)}
    return {name for name in written if name.startswith("__") and name.endswith("__")}
