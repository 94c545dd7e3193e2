from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Operator(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OPERATOR_UNSPECIFIED: _ClassVar[Operator]
    OPERATOR_ADD: _ClassVar[Operator]
    OPERATOR_SUBTRACT: _ClassVar[Operator]
    OPERATOR_MULTIPLY: _ClassVar[Operator]
    OPERATOR_DIVIDE: _ClassVar[Operator]
    OPERATOR_MINIMUM: _ClassVar[Operator]
    OPERATOR_MAXIMUM: _ClassVar[Operator]
    OPERATOR_EQUAL: _ClassVar[Operator]
    OPERATOR_NOT_EQUAL: _ClassVar[Operator]
    OPERATOR_LESS: _ClassVar[Operator]
    OPERATOR_LESS_OR_EQUAL: _ClassVar[Operator]
    OPERATOR_GREATER: _ClassVar[Operator]
    OPERATOR_GREATER_OR_EQUAL: _ClassVar[Operator]
    OPERATOR_AND: _ClassVar[Operator]
    OPERATOR_OR: _ClassVar[Operator]
    OPERATOR_NOT: _ClassVar[Operator]
OPERATOR_UNSPECIFIED: Operator
OPERATOR_ADD: Operator
OPERATOR_SUBTRACT: Operator
OPERATOR_MULTIPLY: Operator
OPERATOR_DIVIDE: Operator
OPERATOR_MINIMUM: Operator
OPERATOR_MAXIMUM: Operator
OPERATOR_EQUAL: Operator
OPERATOR_NOT_EQUAL: Operator
OPERATOR_LESS: Operator
OPERATOR_LESS_OR_EQUAL: Operator
OPERATOR_GREATER: Operator
OPERATOR_GREATER_OR_EQUAL: Operator
OPERATOR_AND: Operator
OPERATOR_OR: Operator
OPERATOR_NOT: Operator

class SearchSpace(_message.Message):
    __slots__ = ("spec_version", "nodes", "constraints")
    SPEC_VERSION_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    CONSTRAINTS_FIELD_NUMBER: _ClassVar[int]
    spec_version: int
    nodes: _containers.RepeatedCompositeFieldContainer[Node]
    constraints: _containers.RepeatedCompositeFieldContainer[Constraint]
    def __init__(self, spec_version: _Optional[int] = ..., nodes: _Optional[_Iterable[_Union[Node, _Mapping]]] = ..., constraints: _Optional[_Iterable[_Union[Constraint, _Mapping]]] = ...) -> None: ...

class Node(_message.Message):
    __slots__ = ("label", "one_of", "some_of", "integer", "real", "repeat", "group")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    ONE_OF_FIELD_NUMBER: _ClassVar[int]
    SOME_OF_FIELD_NUMBER: _ClassVar[int]
    INTEGER_FIELD_NUMBER: _ClassVar[int]
    REAL_FIELD_NUMBER: _ClassVar[int]
    REPEAT_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    label: str
    one_of: OneOf
    some_of: SomeOf
    integer: Integer
    real: Real
    repeat: Repeat
    group: Group
    def __init__(self, label: _Optional[str] = ..., one_of: _Optional[_Union[OneOf, _Mapping]] = ..., some_of: _Optional[_Union[SomeOf, _Mapping]] = ..., integer: _Optional[_Union[Integer, _Mapping]] = ..., real: _Optional[_Union[Real, _Mapping]] = ..., repeat: _Optional[_Union[Repeat, _Mapping]] = ..., group: _Optional[_Union[Group, _Mapping]] = ...) -> None: ...

class OneOf(_message.Message):
    __slots__ = ("candidates",)
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    candidates: _containers.RepeatedCompositeFieldContainer[Candidate]
    def __init__(self, candidates: _Optional[_Iterable[_Union[Candidate, _Mapping]]] = ...) -> None: ...

class SomeOf(_message.Message):
    __slots__ = ("candidates", "min_chosen", "max_chosen", "ordered", "with_replacement")
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    MIN_CHOSEN_FIELD_NUMBER: _ClassVar[int]
    MAX_CHOSEN_FIELD_NUMBER: _ClassVar[int]
    ORDERED_FIELD_NUMBER: _ClassVar[int]
    WITH_REPLACEMENT_FIELD_NUMBER: _ClassVar[int]
    candidates: _containers.RepeatedCompositeFieldContainer[Candidate]
    min_chosen: int
    max_chosen: int
    ordered: bool
    with_replacement: bool
    def __init__(self, candidates: _Optional[_Iterable[_Union[Candidate, _Mapping]]] = ..., min_chosen: _Optional[int] = ..., max_chosen: _Optional[int] = ..., ordered: bool = ..., with_replacement: bool = ...) -> None: ...

class Candidate(_message.Message):
    __slots__ = ("key", "literal", "children", "search_only")
    KEY_FIELD_NUMBER: _ClassVar[int]
    LITERAL_FIELD_NUMBER: _ClassVar[int]
    CHILDREN_FIELD_NUMBER: _ClassVar[int]
    SEARCH_ONLY_FIELD_NUMBER: _ClassVar[int]
    key: str
    literal: Literal
    children: _containers.RepeatedCompositeFieldContainer[Node]
    search_only: bool
    def __init__(self, key: _Optional[str] = ..., literal: _Optional[_Union[Literal, _Mapping]] = ..., children: _Optional[_Iterable[_Union[Node, _Mapping]]] = ..., search_only: bool = ...) -> None: ...

class Literal(_message.Message):
    __slots__ = ("boolean", "integer", "real", "text")
    BOOLEAN_FIELD_NUMBER: _ClassVar[int]
    INTEGER_FIELD_NUMBER: _ClassVar[int]
    REAL_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    boolean: bool
    integer: int
    real: float
    text: str
    def __init__(self, boolean: bool = ..., integer: _Optional[int] = ..., real: _Optional[float] = ..., text: _Optional[str] = ...) -> None: ...

class Integer(_message.Message):
    __slots__ = ("low", "high", "step", "log")
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    low: int
    high: int
    step: int
    log: bool
    def __init__(self, low: _Optional[int] = ..., high: _Optional[int] = ..., step: _Optional[int] = ..., log: bool = ...) -> None: ...

class Real(_message.Message):
    __slots__ = ("low", "high", "log")
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    low: float
    high: float
    log: bool
    def __init__(self, low: _Optional[float] = ..., high: _Optional[float] = ..., log: bool = ...) -> None: ...

class Repeat(_message.Message):
    __slots__ = ("body", "min_count", "max_count", "tied")
    BODY_FIELD_NUMBER: _ClassVar[int]
    MIN_COUNT_FIELD_NUMBER: _ClassVar[int]
    MAX_COUNT_FIELD_NUMBER: _ClassVar[int]
    TIED_FIELD_NUMBER: _ClassVar[int]
    body: _containers.RepeatedCompositeFieldContainer[Node]
    min_count: int
    max_count: int
    tied: bool
    def __init__(self, body: _Optional[_Iterable[_Union[Node, _Mapping]]] = ..., min_count: _Optional[int] = ..., max_count: _Optional[int] = ..., tied: bool = ...) -> None: ...

class Group(_message.Message):
    __slots__ = ("children",)
    CHILDREN_FIELD_NUMBER: _ClassVar[int]
    children: _containers.RepeatedCompositeFieldContainer[Node]
    def __init__(self, children: _Optional[_Iterable[_Union[Node, _Mapping]]] = ...) -> None: ...

class Constraint(_message.Message):
    __slots__ = ("name", "expression")
    NAME_FIELD_NUMBER: _ClassVar[int]
    EXPRESSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    expression: Expression
    def __init__(self, name: _Optional[str] = ..., expression: _Optional[_Union[Expression, _Mapping]] = ...) -> None: ...

class Expression(_message.Message):
    __slots__ = ("literal", "decision", "operation")
    LITERAL_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    literal: Literal
    decision: str
    operation: Operation
    def __init__(self, literal: _Optional[_Union[Literal, _Mapping]] = ..., decision: _Optional[str] = ..., operation: _Optional[_Union[Operation, _Mapping]] = ...) -> None: ...

class Operation(_message.Message):
    __slots__ = ("operator", "operands")
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    OPERANDS_FIELD_NUMBER: _ClassVar[int]
    operator: Operator
    operands: _containers.RepeatedCompositeFieldContainer[Expression]
    def __init__(self, operator: _Optional[_Union[Operator, str]] = ..., operands: _Optional[_Iterable[_Union[Expression, _Mapping]]] = ...) -> None: ...
