from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Architecture(_message.Message):
    __slots__ = ("decisions",)
    DECISIONS_FIELD_NUMBER: _ClassVar[int]
    decisions: _containers.RepeatedCompositeFieldContainer[Decision]
    def __init__(self, decisions: _Optional[_Iterable[_Union[Decision, _Mapping]]] = ...) -> None: ...

class Decision(_message.Message):
    __slots__ = ("path", "candidate", "candidates", "integer", "real")
    PATH_FIELD_NUMBER: _ClassVar[int]
    CANDIDATE_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    INTEGER_FIELD_NUMBER: _ClassVar[int]
    REAL_FIELD_NUMBER: _ClassVar[int]
    path: str
    candidate: str
    candidates: CandidateList
    integer: int
    real: float
    def __init__(self, path: _Optional[str] = ..., candidate: _Optional[str] = ..., candidates: _Optional[_Union[CandidateList, _Mapping]] = ..., integer: _Optional[int] = ..., real: _Optional[float] = ...) -> None: ...

class CandidateList(_message.Message):
    __slots__ = ("keys",)
    KEYS_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, keys: _Optional[_Iterable[str]] = ...) -> None: ...

class Mixture(_message.Message):
    __slots__ = ("decisions", "fixed")
    DECISIONS_FIELD_NUMBER: _ClassVar[int]
    FIXED_FIELD_NUMBER: _ClassVar[int]
    decisions: _containers.RepeatedCompositeFieldContainer[MixedDecision]
    fixed: _containers.RepeatedCompositeFieldContainer[Decision]
    def __init__(self, decisions: _Optional[_Iterable[_Union[MixedDecision, _Mapping]]] = ..., fixed: _Optional[_Iterable[_Union[Decision, _Mapping]]] = ...) -> None: ...

class MixedDecision(_message.Message):
    __slots__ = ("path", "weights", "graded")
    PATH_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    GRADED_FIELD_NUMBER: _ClassVar[int]
    path: str
    weights: _containers.RepeatedScalarFieldContainer[float]
    graded: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, path: _Optional[str] = ..., weights: _Optional[_Iterable[float]] = ..., graded: _Optional[_Iterable[int]] = ...) -> None: ...
