"""Generate ``core/src/nascore/v1`` from ``protos/``, or check that it is up to date (``--check``).

The stubs are made with grpcio-tools 1.74.0, whatever the working environment holds, so that they load on protobuf
6.31 and newer. That compiler lives in an environment of its own, ``.venv-proto``, made on first use.
"""

from __future__ import annotations

import filecmp
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMPILER = "grpcio-tools==1.74.0"
TARGET = ROOT / "core" / "src" / "nascore" / "v1"
HEADER = '"""Generated from protos/ by `make proto`; never edited."""\n'


def compiler() -> Path:
    """Return the Python of the compiler's environment, making it on first use."""
    home = ROOT / ".venv-proto"
    python = home / "bin" / "python"
    stamp = home / COMPILER.replace("==", "-")
    if not stamp.exists():
        venv.create(home, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "setuptools<81", COMPILER], check=True)
        stamp.touch()
    return python


def generate(out: Path) -> None:
    """Write the stubs below ``out``."""
    protos = ROOT / "protos"
    files = sorted(str(path.relative_to(protos)) for path in (protos / "nascore" / "v1").glob("*.proto"))
    flags = [f"--python_out={out}", f"--pyi_out={out}", f"--grpc_python_out={out}"]
    # The environment is cut down so that warnings-as-errors of a test run do not reach the old compiler.
    command = [str(compiler()), "-m", "grpc_tools.protoc", f"-I{protos}", *flags, *files]
    subprocess.run(command, check=True, env={"PATH": os.environ["PATH"]})
    package = out / "nascore" / "v1"
    for empty in package.glob("*_pb2_grpc.py"):
        if "Stub(object)" not in empty.read_text():
            empty.unlink()
    (package / "__init__.py").write_text(HEADER)


def main() -> int:
    """Generate, or with ``--check`` compare; returns the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh = Path(folder) / "nascore" / "v1"
        names = sorted(path.name for path in fresh.iterdir())
        if "--check" in sys.argv[1:]:
            stored = sorted(path.name for path in TARGET.iterdir() if path.is_file())
            _, mismatched, missing = filecmp.cmpfiles(fresh, TARGET, names, shallow=False)
            stale = sorted({*mismatched, *missing, *(set(stored) - set(names))})
            sys.stdout.write(f"stale: {', '.join(stale)}; run `make proto`\n" if stale else "up to date\n")
            return 1 if stale else 0
        TARGET.mkdir(parents=True, exist_ok=True)
        for old in TARGET.glob("*_pb2*"):
            old.unlink()
        for name in names:
            (TARGET / name).write_bytes((fresh / name).read_bytes())
    return 0


if __name__ == "__main__":
    sys.exit(main())
