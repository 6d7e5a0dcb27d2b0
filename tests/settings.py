"""Settings of the test run: the real ones, in a home of its own that goes away with the run.

The embedded database server alone outlives a run, under `SIGHTLINE_TEST_HOME` (by default
`tests` inside `SIGHTLINE_HOME`), so that the next run finds its migrated template ready.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_repository = Path(__file__).resolve().parent.parent
_usual_home = os.environ.get("SIGHTLINE_HOME") or str(_repository / ".sightline")
# Kept in the environment, for the worker processes of pytest-xdist.
_test_home = os.environ.setdefault("SIGHTLINE_TEST_HOME", str(Path(_usual_home) / "tests"))
_scratch = tempfile.mkdtemp(prefix="sightline-test-")
atexit.register(shutil.rmtree, _scratch, ignore_errors=True)
os.environ["SIGHTLINE_HOME"] = _scratch
# WhiteNoise warns about a missing folder; in tests the files come from where they are written.
(Path(_scratch) / "static").mkdir()
os.environ.setdefault("SIGHTLINE_LOG_LEVEL", "WARNING")

from config.embedded import EmbeddedServer  # noqa: E402
from config.settings import *  # noqa: E402, F403 - the real settings, read in the home set above
from config.settings import DATABASES, EMBEDDED, INSTALLED_APPS  # noqa: E402

if EMBEDDED:
    TEST_SERVER = EmbeddedServer.at(Path(_test_home).resolve())
    # The test databases are thrown away: a crash of the machine may take them.
    TEST_SERVER.options |= {
        "max_connections": "200",
        "fsync": "off",
        "full_page_writes": "off",
        "synchronous_commit": "off",
        "wal_level": "minimal",
        "max_wal_senders": "0",
    }
    DATABASES["default"] |= {
        "EMBEDDED_HOME": TEST_SERVER.home,
        "HOST": str(TEST_SERVER.socket_folder),
    }

INSTALLED_APPS = [*INSTALLED_APPS, "tests.support"]

SECOND_LOOK_PERCENT = 0  # tests that want second looks say so

# Fast where strength does not matter. The cache is a real one: sign-in limits are tested.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
