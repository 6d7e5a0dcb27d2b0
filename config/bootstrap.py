"""Sets up `.venv` for the Makefile. Runs under any Python 3.11 to 3.13, without packages.

`bootstrap.py runtime` installs what Sightline needs to run, `bootstrap.py dev` also what its tests
need, `bootstrap.py reset` removes the demonstration's data. A stamp says which requirements a
finished set-up installed, so that doing it again takes a moment and a half-done one is repaired.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
SETS = {
    "runtime": ("requirements.txt",),
    "dev": ("requirements.txt", "requirements-dev.txt"),
}


class SetupError(Exception):
    """One sentence for the person at the shell."""


def set_up(kind: str) -> None:
    """Bring `.venv` to the state that `kind` asks for. Raises SetupError."""
    if _is_ready(kind):
        return
    # The folder itself is the lock: two set-ups at once would tread on each other.
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        if not _is_ready(kind):
            _install(kind)
    finally:
        os.close(folder)


def _install(kind: str) -> None:
    started = time.monotonic()
    if not _works():
        if VENV.exists():
            print("Setting up: .venv is unfinished or its Python is gone; making it anew.")
        else:
            print("Setting up: making .venv.")
        _make_venv()
    stamp = _stamp(kind)
    stamp.unlink(missing_ok=True)
    requirements = [argument for name in SETS[kind] for argument in ("-r", str(ROOT / name))]
    print(f"Setting up: installing packages ({' and '.join(SETS[kind])}).", flush=True)
    if not (_have_uv() and _succeeds(_uv_install(requirements))):
        print("Setting up: uv cannot install them here; trying pip, which takes longer.")
        _check(_pip("install", "--require-hashes", *requirements), "install the packages")
    temporary = stamp.with_suffix(".new")
    temporary.write_text(_fingerprint(kind), "ascii")
    temporary.replace(stamp)
    print(f"Setting up: done in {time.monotonic() - started:.0f} s.", flush=True)


def _is_ready(kind: str) -> bool:
    # What "dev" installs contains what "runtime" does.
    return any(_stamp_is_current(name) for name in ({kind, "dev"})) and PYTHON.exists()


def _stamp(kind: str) -> Path:
    return VENV / f".sightline-{kind}"


def _stamp_is_current(kind: str) -> bool:
    try:
        return _stamp(kind).read_text("ascii") == _fingerprint(kind)
    except FileNotFoundError:
        return False


def _fingerprint(kind: str) -> str:
    digest = hashlib.sha256()
    for name in SETS[kind]:
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def _works() -> bool:
    """Whether `.venv` has a Python of a fitting version, with pip."""
    check = "import sys, pip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))"
    return PYTHON.exists() and _succeeds([str(PYTHON), "-c", check])


def _make_venv() -> None:
    try:
        venv.EnvBuilder(clear=True, symlinks=True, with_pip=True).create(VENV)
    except (OSError, subprocess.CalledProcessError) as error:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise SetupError(
            f"Python {version} could not make .venv ({error}). "
            f"On Debian and Ubuntu: apt-get install python{version}-venv."
        ) from None


def _have_uv() -> bool:
    uv = VENV / "bin" / "uv"
    if uv.exists() and _succeeds([str(uv), "--version"]):
        return True
    return _succeeds(
        _pip("install", "--quiet", "--require-hashes", "-r", str(ROOT / "requirements-uv.txt"))
    )


def _uv_install(requirements: list[str]) -> list[str]:
    uv = [str(VENV / "bin" / "uv"), "pip", "install", "--quiet", "--python", str(PYTHON)]
    return [*uv, "--require-hashes", *requirements]


def _pip(*arguments: str) -> list[str]:
    return [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]


def _succeeds(command: list[str]) -> bool:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    if done.returncode != 0 and done.stdout.strip():
        print(*(f"  {line}" for line in done.stdout.strip().splitlines()[-8:]), sep="\n")
    return done.returncode == 0


def _check(command: list[str], task: str) -> None:
    if not _succeeds(command):
        raise SetupError(f"Could not {task}; the lines above say why. Run it again to retry.")


def reset() -> None:
    """Remove what `make demo` made. Raises SetupError while something still uses it."""
    home = Path(os.environ.get("SIGHTLINE_HOME") or ROOT / ".sightline").resolve()
    if not home.exists():
        print(f"Nothing to remove: {home} does not exist.")
        return
    if not ((home / "secret-key").exists() or (home / "postgres").exists()):
        raise SetupError(f"{home} does not look like Sightline's data, so it stays.")
    users = home / "postgres" / "users.lock"
    if users.exists() and not _becomes_free(users):
        raise SetupError(
            f"Sightline's database in {home} is in use. Stop `make demo` (Ctrl-C) and try again."
        )
    shutil.rmtree(home)
    print(f"Removed {home}.")


def _becomes_free(lock: Path) -> bool:
    """Whether nobody holds `lock` now or within ten seconds: a server may be just stopping."""
    with lock.open("r+") as file:
        for _ in range(100):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.1)
            else:
                return True
    return False


def main() -> int:
    kind = sys.argv[1] if len(sys.argv) > 1 else "runtime"
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        print("Sightline needs Python 3.11, 3.12 or 3.13.", file=sys.stderr)
        return 1
    try:
        if kind == "reset":
            reset()
        else:
            set_up(kind)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; the next set-up goes on from here.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
