"""A folder in, a folder out: which files are compiled, which are copied, and writing all of it or nothing.

What was written is listed in ``.nascore-compile.json``, with digests; only what that names is ever written over.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nascore.errors import InvalidInputError, NotFoundError, StateError

MANIFEST = ".nascore-compile.json"
_LEFT_OUT = frozenset({"__pycache__", "node_modules", "venv"})


@dataclass(frozen=True, slots=True)
class Tree:
    """What is compiled.

    Attributes:
        root: The folder of the files.
        python: The Python files, by path in the folder, in POSIX form.
        others: Files that are copied as they are.
        is_folder: Whether a folder was named, and not one file.
    """

    root: Path
    python: tuple[str, ...]
    others: tuple[str, ...]
    is_folder: bool

    def read(self) -> dict[str, bytes]:
        """Content of the Python files."""
        return {name: (self.root / name).read_bytes() for name in self.python}

    def shown(self, source: Path) -> dict[str, str]:
        """What messages call each Python file: as it is reached from here."""
        return {name: str(source / name) if self.is_folder else str(source) for name in self.python}


def read_tree(source: Path) -> Tree:
    """Find the files of a folder, caches and hidden ones left out; or the one file.

    Raises:
        NotFoundError: There is no such file or folder.
        InvalidInputError: It is another file than Python, or the folder has none.
    """
    if source.is_file():
        if source.suffix != ".py":
            raise InvalidInputError(f"{source} is no Python file.", hint="Name a .py file, or a folder.")
        return Tree(source.parent, (source.name,), (), is_folder=False)
    if not source.is_dir():
        raise NotFoundError(f"There is no file or folder {source}.", hint="Name the annotated code.")
    names = sorted(_names(source))
    python = tuple(name for name in names if name.endswith(".py"))
    if not python:
        raise InvalidInputError(f"There is no Python file in {source}.", hint="Name the folder with annotated code.")
    return Tree(source, python, tuple(name for name in names if not name.endswith(".py")), is_folder=True)


def _names(root: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and not _is_left_out(here / name))
        for name in files:
            if not name.startswith(".") and (here / name).is_file():
                yield (here / name).relative_to(root).as_posix()


def _is_left_out(folder: Path) -> bool:
    return folder.name in _LEFT_OUT or folder.name.endswith(".egg-info") or (folder / MANIFEST).exists()


def check_target(tree: Tree, target: Path) -> None:
    """Refuse a folder to write into that is, or holds, what is read.

    Raises:
        InvalidInputError: It does.
    """
    root, wanted = tree.root.resolve(), target.resolve()
    if wanted == root or wanted in root.parents:
        message = f"{target} is where the annotated code is; it would be written over."
        raise InvalidInputError(message, hint="Name another folder with -o.")
    if tree.is_folder and root in wanted.parents:
        message = f"{target} is inside {tree.root}, which is compiled as a whole."
        raise InvalidInputError(message, hint="Name a folder beside it with -o.")
    if target.exists() and not target.is_dir():
        raise InvalidInputError(f"{target} is a file.", hint="Name a folder with -o.")


def write_tree(tree: Tree, compiled: Mapping[str, bytes], target: Path) -> tuple[str, ...]:
    """Write compiled files and copies of the others into a folder, and return their names.

    Files of an earlier run that are no longer made are removed.

    Raises:
        StateError: The folder holds files that an earlier run did not write, or that were changed since.
    """
    digests = {name: _digest(tree.root / name) for name in (*tree.python, *tree.others)}
    digests |= {name: hashlib.sha256(content).hexdigest() for name, content in compiled.items()}
    earlier = _earlier(target)
    _refuse_foreign(digests, earlier, target)
    for name in sorted(digests):
        _write(tree.root / name, compiled.get(name), target / name)
    for name in sorted(set(earlier) - set(digests)):
        (target / name).unlink(missing_ok=True)
    _write(target, f"{json.dumps(dict(sorted(digests.items())), indent=2)}\n".encode(), target / MANIFEST)
    return tuple(sorted(digests))


def _earlier(target: Path) -> dict[str, str]:
    """Digests of what an earlier run wrote."""
    try:
        document = json.loads((target / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise StateError(f"{target / MANIFEST} cannot be read: {error}.", hint="Remove the folder.") from None
    entries = document.items() if isinstance(document, dict) else ()
    return {name: digest for name, digest in entries if isinstance(digest, str) and _is_inside(name)}


def _is_inside(name: str) -> bool:
    path = Path(name)
    return not path.is_absolute() and ".." not in path.parts


def _refuse_foreign(digests: Mapping[str, str], earlier: Mapping[str, str], target: Path) -> None:
    for name in sorted({*digests, *earlier}):
        file = target / name
        if not file.exists():
            continue
        found = _digest(file) if file.is_file() else ""
        if found in (digests.get(name), earlier.get(name)):
            continue
        if name in earlier:
            message = f"{file} was changed since `nascore compile` wrote it."
        else:
            message = f"{file} is there already, and was not written by `nascore compile`."
        raise StateError(message, hint="Move it away, or name another folder with -o.")


def _write(source: Path, content: bytes | None, file: Path) -> None:
    """Write a file whole or not at all: the content, or a copy of ``source``, whose permissions it gets."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    if content is None:
        shutil.copyfile(source, fresh)
    else:
        fresh.write_bytes(content)
    if source.is_file():
        shutil.copymode(source, fresh)
    fresh.replace(file)


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
