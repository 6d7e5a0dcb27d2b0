"""The set-up that `make` runs before everything else."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from config import bootstrap


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like a fresh clone, whose only requirement is one small package."""
    for name in ("requirements-uv.txt", "requirements-uv.in"):
        shutil.copy(settings.BASE_DIR / name, tmp_path)
    locked = (settings.BASE_DIR / "requirements.txt").read_text().split("\n\n")[0].splitlines()
    start = next(n for n, line in enumerate(locked) if line.startswith("sqlparse=="))
    end = next(n for n in range(start + 1, len(locked)) if not locked[n].startswith(" "))
    (tmp_path / "requirements.txt").write_text("\n".join(locked[start:end]) + "\n")
    (tmp_path / "requirements-dev.txt").write_text("")
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    return tmp_path


def installed(clone: Path) -> bool:
    done = subprocess.run([clone / ".venv/bin/python", "-c", "import sqlparse"], check=False)
    return done.returncode == 0


def test_a_set_up_is_done_once_and_mended_when_broken(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bootstrap.set_up("runtime")
    assert installed(clone)
    assert "making .venv" in capsys.readouterr().out

    bootstrap.set_up("runtime")
    assert capsys.readouterr().out == "", "nothing to do, nothing to say"

    # Interrupted between packages and stamp: the packages are checked again.
    (clone / ".venv" / ".sightline-runtime").unlink()
    bootstrap.set_up("runtime")
    assert "installing packages" in capsys.readouterr().out
    assert installed(clone)

    # The Python that it was made with is gone.
    (clone / ".venv/bin/python").unlink()
    (clone / ".venv/bin/python").symlink_to("/nonexistent/python")
    bootstrap.set_up("runtime")
    assert "unfinished or its Python is gone" in capsys.readouterr().out
    assert installed(clone)


def test_changed_requirements_are_installed(clone: Path) -> None:
    assert not bootstrap._is_ready("runtime")
    (clone / ".venv/bin").mkdir(parents=True)
    (clone / ".venv/bin/python").touch()
    (clone / ".venv/.sightline-dev").write_text(bootstrap._fingerprint("dev"))
    assert bootstrap._is_ready("dev")
    assert bootstrap._is_ready("runtime"), "what the tests need contains what running needs"
    (clone / "requirements-dev.txt").write_text("more\n")
    assert not bootstrap._is_ready("dev")


def reset(home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(settings.BASE_DIR / "config" / "bootstrap.py"), "reset"],
        env={"PATH": os.environ["PATH"], "SIGHTLINE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_reset_removes_the_data(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "postgres").mkdir(parents=True)
    assert reset(home).returncode == 0
    assert not home.exists()
    again = reset(home)
    assert (again.returncode, again.stdout.split(":")[0]) == (0, "Nothing to remove")


def test_reset_leaves_a_folder_that_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    done = reset(tmp_path)
    assert done.returncode == 1
    assert "does not look like Sightline's data" in done.stderr
    assert (tmp_path / "thesis.txt").exists()


def test_reset_waits_for_nobody_who_still_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "postgres").mkdir()
    monkeypatch.setattr("config.bootstrap.time.sleep", lambda _seconds: None)
    monkeypatch.setenv("SIGHTLINE_HOME", str(tmp_path))
    with (tmp_path / "postgres" / "users.lock").open("w") as used:
        fcntl.flock(used, fcntl.LOCK_SH)
        with pytest.raises(bootstrap.SetupError, match="is in use"):
            bootstrap.reset()
    assert tmp_path.exists()
