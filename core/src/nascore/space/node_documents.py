"""The nodes of a space as plain JSON values: the proto3 JSON mapping of ``nascore.v1.Node``, written without messages.

It is what protobuf's own mapping gives of the message of ``node_messages``, and the tests hold both against each other;
protobuf's takes five times as long, which is felt in spaces of thousands of nodes. Not here: reading, which is left to
protobuf, for files come from strangers.
"""

from __future__ import annotations

from nascore.space.nodes import Candidate, Integer, Literal, Node, OneOf, Real, Repeat, SomeOf

Document = dict[str, object]


def node_document(node: Node) -> Document:
    """Writes a node of a valid space; fields at their default are left out."""
    if isinstance(node, OneOf):
        return {"label": node.label, "oneOf": {"candidates": _candidate_documents(node.candidates)}}
    if isinstance(node, SomeOf):
        return {"label": node.label, "someOf": _some_of_document(node)}
    if isinstance(node, Integer):
        return {"label": node.label, "integer": _integer_document(node)}
    if isinstance(node, Real):
        return {"label": node.label, "real": {"low": node.low, "high": node.high, **_set(log=node.log)}}
    if isinstance(node, Repeat):
        counts = {"minCount": node.min_count, "maxCount": node.max_count}
        return {"label": node.label, "repeat": {**_inner("body", node.body), **counts, **_set(tied=node.tied)}}
    return {"label": node.label, "group": _inner("children", node.children)}


def _candidate_documents(candidates: tuple[Candidate, ...]) -> list[Document]:
    return [_candidate_document(candidate) for candidate in candidates]


def _candidate_document(candidate: Candidate) -> Document:
    document: Document = {"key": candidate.key}
    if candidate.value is not None:
        document["literal"] = _literal_document(candidate.value)
    if candidate.children:
        document["children"] = [node_document(child) for child in candidate.children]
    if candidate.search_only:
        document["searchOnly"] = True
    return document


def _literal_document(value: Literal) -> Document:
    if isinstance(value, bool):
        return {"boolean": value}
    if isinstance(value, int):
        return {"integer": str(value)}  # 64 bits fit no JSON number.
    return {"real": value} if isinstance(value, float) else {"text": value}


def _some_of_document(node: SomeOf) -> Document:
    return {
        "candidates": _candidate_documents(node.candidates),
        "minChosen": node.min_chosen,
        "maxChosen": node.max_chosen,
        **_set(ordered=node.ordered, withReplacement=node.with_replacement),
    }


def _integer_document(node: Integer) -> Document:
    step = {} if node.step == 1 else {"step": str(node.step)}
    return {"low": str(node.low), "high": str(node.high), **step, **_set(log=node.log)}


def _inner(name: str, nodes: tuple[Node, ...]) -> Document:
    return {name: [node_document(node) for node in nodes]} if nodes else {}


def _set(**flags: bool) -> Document:
    return {name: True for name, flag in flags.items() if flag}
