"""Module classes specialised to one built network: ``__init__`` written from the module at hand, methods copied.

Works from the leaves to the root. Modules of `torch.nn` become constructor calls (``layers``), the SDK's choices become
plain torch (``plain``), each module of the user's becomes an object of a class that takes no arguments. Classes with
the same text are written once.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from nas_trial.export.carried import Carried
from nas_trial.export.copied import CopiedClass, is_users_module
from nas_trial.export.failure import ExportError
from nas_trial.export.layers import constructor, layer_class
from nas_trial.export.layout import INDENT, Brackets, Call, Expression, call_statement, flat, quoted, statement
from nas_trial.export.plain import is_choice, plain_choice, sequential
from nas_trial.export.registered import below, check_is_plain, embedded, parameter, ties
from nas_trial.export.values import NoExpressionError, empty, express
from nas_trial.export.written import indented

_MODULE_ATTRIBUTES = frozenset(vars(nn.Module())) | {"call_super_init"}
_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)


class Specialised:
    """The classes of one network.

    Args:
        root: The network.
        carried: Collects what copied methods use.

    Attributes:
        classes: Texts of the classes, each after those that it uses.
        root_name: Name of the network's class.
    """

    def __init__(self, root: nn.Module, carried: Carried) -> None:
        self.classes: list[str] = []
        self.root_name = ""
        self._root = root
        self._carried = carried
        self._copied: dict[type, CopiedClass] = {}
        self._names: dict[str, str] = {}
        self._originals: dict[str, type] = {}

    def copy_methods(self) -> bool:
        """Copies the methods that are mentioned by now, and says whether there were new ones."""
        for module in self._root.modules():
            if is_users_module(module) and type(module) not in self._copied:
                self._copied[type(module)] = CopiedClass(type(module), self._carried)
        return sum(copied.copy_mentioned() for copied in self._copied.values()) > 0

    def write(self) -> None:
        """Writes the classes, once all methods are copied.

        Raises:
            ExportError: Some part has no plain form; its path in the network is named.
        """
        self._carried.bind_torch("nn")
        expression = self._module(self._root, "", is_root=True)
        assert isinstance(expression, Call)
        self.root_name = expression.function
        self.check_named_classes()

    def check_named_classes(self) -> None:
        """Refuses copied code that names a module class of which the written network has none, or several.

        Raises:
            ExportError: There is such code; its place is named.
        """
        for cls, where in self._carried.module_classes.items():
            names = [name for name, original in self._originals.items() if original is cls]
            if names != [cls.__name__]:
                count = f"{len(names)} classes" if names else "none"
                raise ExportError(
                    f"{where}: uses the module class {cls.__name__}, of which the exported network has {count}.",
                    hint="Keep what the code has to know as an attribute, and construct modules only in __init__.",
                )

    def _module(self, module: nn.Module, path: str, *, is_root: bool = False, is_called: bool = True) -> Expression:
        check_is_plain(module, path)
        if is_users_module(module) and (is_root or not self._is_plain_container(module)):
            return self._defined(module, path)
        found = self._torch(module, path, is_called=is_called)
        if not is_root:
            return found
        body = [call_statement(Call("super().__init__", found.arguments, found.keywords), indent=2)]
        return Call(self._add_class("Net", f"({found.function})", ('"""The network."""',), body, ()))

    def _torch(self, module: nn.Module, path: str, *, is_called: bool) -> Call:
        """A module of `torch.nn`, or a choice of the SDK, as a constructor call."""
        children: dict[str, Expression] = {}
        if isinstance(module, _CONTAINERS) or is_choice(module):
            named = ((name, child) for name, child in module._modules.items() if child is not None)
            children = {name: self._module(child, below(path, name)) for name, child in named}
        if is_choice(module):
            return plain_choice(module, children, self._carried, is_called=is_called)
        if isinstance(module, _CONTAINERS):
            return self._container(module, path, children)
        return constructor(module, path=path).call(lambda value: self._argument(value, path))

    def _container(self, module: nn.Module, path: str, children: dict[str, Expression]) -> Call:
        layer = layer_class(type(module))
        name = f"nn.{layer.__name__}" if layer is not None else ""
        if isinstance(module, nn.ParameterList | nn.ParameterDict):
            self._carried.bind_torch("torch")
            parameters = {key: parameter(value) for key, value in module.named_parameters()}
            children = {key.removeprefix("_"): value for key, value in parameters.items()}
        elif module._parameters or module._buffers:
            raise ExportError(
                f"{path}: {name} has parameters of its own.", hint="Give them to a module class of yours."
            )
        if isinstance(module, nn.Sequential):
            return sequential(children, self._carried)
        if isinstance(module, nn.ModuleDict | nn.ParameterDict):
            return Call(name, [Brackets("{", [_entry(key, value) for key, value in children.items()], "}")])
        return Call(name, [Brackets("[", list(children.values()), "]")])

    def _argument(self, value: object, path: str, *, may_be_module: bool = True) -> Expression:
        if may_be_module and isinstance(value, nn.Module):
            return self._module(value, path)
        found = express(value, self._carried.refer)
        if "torch." in flat(found):
            self._carried.bind_torch("torch")
        return found

    def _is_plain_container(self, module: nn.Module) -> bool:
        """Whether the class adds nothing but its constructor to a container."""
        copied = self._copied[type(module)]
        return isinstance(module, _CONTAINERS) and not copied.has_members and not any(self._attributes(module, ""))

    def _defined(self, module: nn.Module, path: str) -> Call:
        copied = self._copied[type(module)]
        base = copied.layer or nn.Module
        body = [call_statement(self._super_call(module, base, path), indent=2)]
        body += [statement(f"self.{name}", value, indent=2) for name, value in self._attributes(module, path)]
        made = nn.Module() if base is nn.Module else _made_by_layer(module)
        if made is not None:
            body += [*self._parameters(module, made), *self._buffers(module, made, path)]
            body += self._children(module, made, path)
        if module is self._root:
            body += list(ties(self._root))
        start = (copied.docstring, copied.class_attributes)
        name = self._add_class(type(module).__name__, f"(nn.{base.__name__})", start, body, copied.methods)
        self._originals[name] = type(module)
        return Call(name)

    def _super_call(self, module: nn.Module, base: type[nn.Module], path: str) -> Call:
        if base is nn.Module:
            return Call("super().__init__")
        found = self._torch(module, path, is_called=True)
        return Call("super().__init__", found.arguments, found.keywords)

    def _attributes(self, module: nn.Module, path: str) -> Iterator[tuple[str, Expression]]:
        copied = self._copied[type(module)]
        made = _made_by_layer(module)
        made_by_base = set() if made is None else set(vars(made))
        prefix = f"_{type(module).__name__.lstrip('_')}__"
        for name, value in vars(module).items():
            if name in _MODULE_ATTRIBUTES or name in made_by_base:
                continue
            shown = f"__{name.removeprefix(prefix)}" if name.startswith(prefix) else name
            if not (self._carried.needs_all_attributes or shown in self._carried.attributes or shown == "forward"):
                continue
            try:
                yield shown, self._argument(value, path, may_be_module=False)
            except NoExpressionError as error:
                if shown in copied.own_uses or shown == "forward":
                    raise _attribute_error(module, path, shown, copied.own_uses.get(shown, ""), str(error)) from None

    def _parameters(self, module: nn.Module, made: nn.Module) -> Iterator[str]:
        for name, value in module._parameters.items():
            if name in made._parameters:
                continue
            if value is None:
                yield call_statement(Call("self.register_parameter", [quoted(name), "None"]), indent=2)
            else:
                self._carried.bind_torch("torch")
                yield statement(f"self.{name}", parameter(value), indent=2)

    def _buffers(self, module: nn.Module, made: nn.Module, path: str) -> Iterator[str]:
        for name, value in module._buffers.items():
            if name in made._buffers:
                continue
            is_kept = name not in module._non_persistent_buffers_set
            written = "None" if value is None else empty(value) if is_kept else embedded(value, below(path, name))
            keywords: dict[str, Expression] = {} if is_kept else {"persistent": "False"}
            self._carried.bind_torch("torch")
            yield call_statement(Call("self.register_buffer", [quoted(name), written], keywords), indent=2)

    def _children(self, module: nn.Module, made: nn.Module, path: str) -> Iterator[str]:
        copied = self._copied[type(module)]
        for name, child in module._modules.items():
            if name in made._modules:
                continue
            is_called = copied.calls(name)
            if child is not None and is_choice(child):
                copied.refuse_questions(name)
            written = "None" if child is None else self._module(child, below(path, name), is_called=is_called)
            if name.isidentifier():
                yield statement(f"self.{name}", written, indent=2)
            else:
                yield call_statement(Call("self.add_module", [quoted(name), written]), indent=2)

    def _add_class(
        self, name: str, bases: str, start: tuple[str, ...], body: list[str], members: tuple[str, ...]
    ) -> str:
        lines = "\n".join(body).replace(f"\n{INDENT}", "\n").removeprefix(INDENT)
        parts = [part for part in (*start, f"def __init__(self) -> None:\n{lines}", *members) if part]
        text = f"{bases}:\n" + "\n\n".join(indented(part) for part in parts)
        if text not in self._names:
            self._names[text] = self._free_name(name)
            self.classes.append(f"class {self._names[text]}{text}")
        return self._names[text]

    def _free_name(self, name: str) -> str:
        taken = set(self._names.values()) | self._carried.names
        number = 2
        while (free := name if name not in taken else f"{name}{number}") in taken:
            number += 1
        return free


def _made_by_layer(module: nn.Module) -> nn.Module | None:
    """What the class of `torch.nn` that a module derives from makes; ``None`` for bare modules and containers."""
    layer = layer_class(type(module))
    if layer is None or layer is nn.Module or issubclass(layer, _CONTAINERS):
        return None
    return constructor(module, path="").make()


def _attribute_error(module: nn.Module, path: str, name: str, where: str, what: str) -> ExportError:
    place = f"{where}: " if where else ""
    owner = f"{type(module).__name__} at {path!r}" if path else type(module).__name__
    return ExportError(
        f"{place}self.{name} of {owner} cannot be written down: it is {what}.",
        hint="Keep modules and tensors registered (nn.ModuleList, register_buffer), and functions as methods.",
    )


def _entry(key: str, value: Expression) -> str:
    return f"{quoted(key)}: {flat(value)}"
