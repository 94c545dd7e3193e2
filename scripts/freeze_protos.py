"""Freeze the schema as ``protos/released/v1/*.txt``, or check that nothing frozen is broken (``--check``).

One command after any change of protos/: regenerate the stubs (scripts/generate_protos.py), then run this. It refuses a
change that would break released programs, takes additions in, and notes since which version those exist that the first
release did not have. Golden bytes are added for new messages; those that are there are never written again.
"""

from __future__ import annotations

import sys
import tomllib
from importlib import import_module
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from nascore.testing.schema import FrozenFile, Schema, breaking_changes, full_messages, message_names, read, written
from nascore.testing.schema.frozen import places

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "nascore/v1"
RELEASED = ROOT / "protos" / "released" / "v1"
GOLDEN = ROOT / "core" / "tests" / "protocol" / "golden" / "v1.txt"
FIRST = "0.1"


def compiled() -> Schema:
    """Return the schema of the committed stubs."""
    names = sorted(path.stem for path in (ROOT / "protos" / PACKAGE).glob("*.proto"))
    return Schema.compiled(import_module(f"{PACKAGE.replace('/', '.')}.{name}_pb2").DESCRIPTOR for name in names)


def released() -> dict[str, FrozenFile]:
    """Return what is frozen, by the name of its .proto file; empty before the first time."""
    names = {f"{PACKAGE}/{path.stem}.proto": path for path in sorted(RELEASED.glob("*.txt"))}
    return {name: read(name, path.read_text(encoding="utf-8")) for name, path in names.items()}


def version() -> str:
    """Return the version of the core, without its last part."""
    project = tomllib.loads((ROOT / "core" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return ".".join(project["version"].split(".")[:2])


def frozen_now(file: FileDescriptorProto, before: FrozenFile | None) -> FrozenFile:
    """Return a file as it is to be frozen: what is new since the first release has its version noted."""
    known = set() if before is None else set(places(before.file))
    since = {} if before is None else dict(before.since)
    if version() != FIRST:
        since |= dict.fromkeys((place for place in places(file) if place not in known), version())
    return FrozenFile(file, since)


def golden_text(schema: Schema) -> str:
    """Return the golden bytes: those that are there, and those of messages that have none yet."""
    lines = GOLDEN.read_text(encoding="utf-8").splitlines() if GOLDEN.exists() else []
    known = {line.partition(" ")[0] for line in lines}
    for name in message_names(schema):
        for place, message in full_messages(schema, name).items():
            if place not in known:
                lines.append(f"{place} {message.SerializeToString(deterministic=True).hex()}".rstrip())
    return "\n".join(sorted(lines)) + "\n"


def main() -> int:
    """Freeze, or with ``--check`` compare; returns the exit status."""
    schema, before = compiled(), released()
    broken = breaking_changes({name: frozen.file for name, frozen in before.items()}, schema.files)
    if broken:
        sys.stdout.write("".join(f"breaks: {each}\n" for each in broken))
        return 1
    texts = {
        RELEASED / f"{Path(name).stem}.txt": written(frozen_now(file, before.get(name)))
        for name, file in schema.files.items()
    }
    texts[GOLDEN] = golden_text(schema)
    stale = [path for path, text in texts.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        names = ", ".join(path.name for path in stale)
        sys.stdout.write(f"nothing broken; not frozen yet: {names}\n" if stale else "nothing broken, all frozen\n")
        return 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[path], encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
