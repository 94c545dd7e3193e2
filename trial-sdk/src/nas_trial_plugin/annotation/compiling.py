"""Compiling: files with annotations in, runnable code and a search space out; all that is wrong in one error.

Not here: which files there are, and writing them (``tree``).
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

import libcst as cst
from nascore.errors import InvalidInputError
from nascore.nni import (
    Dialect,
    NniSpace,
    search_space_of,
    write_space,
)
from nascore.space import SearchSpace, Value

from nas_trial_plugin.annotation.chosen import read_chosen
from nas_trial_plugin.annotation.document import Document, named
from nas_trial_plugin.annotation.findings import Finding, Findings, Place
from nas_trial_plugin.annotation.naming import KeyStyle, Names
from nas_trial_plugin.annotation.rewriting import SPACE_FILE, for_search, is_compiled
from nas_trial_plugin.annotation.sites import read_sites
from nas_trial_plugin.annotation.sourcefile import SourceFile
from nas_trial_plugin.annotation.specialising import for_architecture
from nas_trial_plugin.annotation.statements import survey
from nas_trial_plugin.annotation.texts import BEGINNING


@dataclass(frozen=True, slots=True)
class Compiled:
    """What came of compiling.

    Attributes:
        files: Content of every file that was compiled, by its path in the folder, and of the search space.
        space: What there is to choose.
        forgiven: What was read leniently, and how.
        counts: Number of annotations in each file.
    """

    files: Mapping[str, bytes]
    space: SearchSpace
    forgiven: tuple[Finding, ...]
    counts: Mapping[str, int]


def compile_files(
    files: Mapping[str, bytes],
    *,
    shown: Mapping[str, str],
    is_tree: bool,
    keys: KeyStyle = KeyStyle.NASCORE,
    architecture: str | None = None,
    is_lenient: bool = False,
) -> Compiled:
    """Compile Python files.

    Args:
        files: Their content, by path in the folder that is compiled, in POSIX form.
        shown: What messages call each.
        is_tree: Whether a whole folder is compiled, so that names begin with the module.
        keys: How choices are named.
        architecture: An architecture as JSON, ours or NNI's; then it is written out, and there is no search space.
        is_lenient: Whether what NNI read without a word is read as it did.

    Raises:
        AnnotationError: Something is wrong; everything in all files is listed.
        ArchitectureError: The architecture is none, or not one of these files.
        SpaceError: The choices are too many for one space.
    """
    findings = Findings(is_lenient)
    names = Names(keys, is_tree)
    documents = [_document(path, files[path], shown[path], names, findings) for path in sorted(files)]
    findings.check()
    found = [document for document in documents if document is not None]
    if not any(document.sites for document in found):
        raise _nothing(shown.values())
    nni = NniSpace(Dialect.WRAPPED, tuple(entry for document in found for entry in document.entries))
    space = search_space_of(nni)
    if architecture is None:
        written = {str(document.source.path.as_posix()): for_search(document) for document in _searched(found)}
        written[SPACE_FILE] = _space_text(nni, space, keys).encode()
    else:
        chosen = read_chosen(architecture, nni, space)
        written = _specialised(found, space, chosen, findings)
    counts = {document.source.path.as_posix(): len(document.sites) for document in found if document.sites}
    return Compiled(written, space, tuple(sorted(set(findings.forgiven))), counts)


def _document(path: str, data: bytes, shown: str, names: Names, findings: Findings) -> Document | None:
    pure = PurePosixPath(path)
    parts = pure.with_suffix("").parts
    module = ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
    try:
        source = SourceFile.decoded(data, path=pure, name=shown, module=module)
        if is_compiled(source.text):
            findings.add(
                Place(shown, 1, 1), "The file is compiled already.", instead="Compile the file it was made from."
            )
            return None
        if BEGINNING.search(source.text) is None and "__main__" not in source.text:
            return None
        surveyed = survey(source)
    except cst.ParserSyntaxError as error:
        findings.add(*_not_python(source.text, error, shown), instead="Mend the line, then compile again.")
        return None
    except (SyntaxError, ValueError, RecursionError) as error:
        findings.add(Place(shown, 1, 1), f"The file cannot be read: {error}.", instead="Save it as UTF-8.")
        return None
    return Document(source, surveyed, tuple(named(site, source, names) for site in read_sites(surveyed, findings)))


def _not_python(text: str, error: cst.ParserSyntaxError, shown: str) -> tuple[Place, str]:
    """Where a file is not Python, and why; Python's own parser says it better than libcst's, if it agrees."""
    try:
        ast.parse(text)
    except SyntaxError as better:
        place = Place(shown, better.lineno or 1, better.offset or 1)
        return place, f"The file is not Python: {better.msg}."
    except (ValueError, RecursionError, MemoryError):
        pass
    return Place(shown, error.raw_line, error.raw_column + 1), "The file is not Python that can be read here."


def _searched(documents: Iterable[Document]) -> list[Document]:
    """The files that change: those with annotations, and programs, which become workers when a search runs them."""
    return [
        document
        for document in documents
        if document.sites or (document.surveyed.is_program and not document.surveyed.imports_sdk)
    ]


def _specialised(
    documents: Iterable[Document], space: SearchSpace, chosen: Mapping[str, Value], findings: Findings
) -> dict[str, bytes]:
    written = {
        document.source.path.as_posix(): for_architecture(document, space, chosen, findings)
        for document in documents
        if document.sites
    }
    findings.check()
    return written


def _space_text(nni: NniSpace, space: SearchSpace, keys: KeyStyle) -> str:
    return write_space(nni) if keys is KeyStyle.NNI else f"{space.to_json()}\n"


def _nothing(shown: Iterable[str]) -> InvalidInputError:
    names = sorted(shown)
    where = names[0] if len(names) == 1 else f"{len(names)} Python files"
    return InvalidInputError(
        f"There is no annotation in {where}.",
        hint='An annotation is a string that begins with @nni., without a space: """@nni.mutable_layers(...)""".',
    )
