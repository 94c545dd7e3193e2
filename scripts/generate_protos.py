"""Generate the packages of stubs from their ``protos/``, or check that they are up to date (``--check``).

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
SOURCES = (
    (ROOT / "protos", ROOT / "core" / "src", Path("nascore", "v1")),
    (ROOT / "plugins" / "nas-katib" / "protos", ROOT / "plugins" / "nas-katib" / "src", Path("nas_katib", "v1beta1")),
)
"""Where protos are, where their stubs go, and the package below both."""
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


def generate(protos: Path, package: Path, out: Path) -> None:
    """Write the stubs of a package of protos below ``out``."""
    files = sorted(str(path.relative_to(protos)) for path in (protos / package).glob("*.proto"))
    flags = [f"--python_out={out}", f"--pyi_out={out}", f"--grpc_python_out={out}"]
    # The environment is cut down so that warnings-as-errors of a test run do not reach the old compiler.
    command = [str(compiler()), "-m", "grpc_tools.protoc", f"-I{protos}", *flags, *files]
    subprocess.run(command, check=True, env={"PATH": os.environ["PATH"]})
    for empty in (out / package).glob("*_pb2_grpc.py"):
        if "Stub(object)" not in empty.read_text():
            empty.unlink()
    (out / package / "__init__.py").write_text(HEADER)


def stale(fresh: Path, target: Path) -> list[str]:
    """Return the names of files that differ."""
    names = sorted(path.name for path in fresh.iterdir())
    stored = sorted(path.name for path in target.iterdir() if path.is_file())
    _, mismatched, missing = filecmp.cmpfiles(fresh, target, names, shallow=False)
    return sorted({*mismatched, *missing, *(set(stored) - set(names))})


def replace(fresh: Path, target: Path) -> None:
    """Put the fresh stubs in the place of the old ones."""
    target.mkdir(parents=True, exist_ok=True)
    for old in target.glob("*_pb2*"):
        old.unlink()
    for path in fresh.iterdir():
        (target / path.name).write_bytes(path.read_bytes())


def main() -> int:
    """Generate, or with ``--check`` compare; returns the exit status."""
    found = []
    for protos, sources, package in SOURCES:
        with tempfile.TemporaryDirectory() as folder:
            generate(protos, package, Path(folder))
            fresh, target = Path(folder) / package, sources / package
            if "--check" in sys.argv[1:]:
                found += stale(fresh, target)
            else:
                replace(fresh, target)
    if "--check" in sys.argv[1:]:
        sys.stdout.write(f"stale: {', '.join(found)}; run `make proto`\n" if found else "up to date\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
