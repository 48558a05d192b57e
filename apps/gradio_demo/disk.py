"""The demo's own folder: everything that it writes lies there, for a day, which is longer than a page is open.

Import this before gradio, which reads its settings from the environment.
"""

from __future__ import annotations

import os
import stat
import tempfile
import threading
import time
from pathlib import Path

FOLDER = Path(tempfile.gettempdir()) / f"pedesis-demo-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
os.environ["GRADIO_TEMP_DIR"] = str(FOLDER)
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
for name in ("no_proxy", "NO_PROXY"):  # gradio asks its own page whether it is up, which no proxy can answer
    os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1", "localhost", "0.0.0.0", "::1"]))
os.environ["HF_HUB_DISABLE_TELEMETRY"] = os.environ["HF_HUB_OFFLINE"] = "1"

KEEP_SECONDS = 24 * 3600  # how long files are kept
MOST_BYTES = 500_000_000  # of all files together; the oldest go first
lasting: set[Path] = set()
"""Files that stay as long as the demo runs."""


def claim() -> None:
    """Make the folder, readable by nobody else. Raises ValueError if it belongs to somebody else."""
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    if FOLDER.is_symlink() or (hasattr(os, "getuid") and FOLDER.stat().st_uid != os.getuid()):
        raise ValueError(f"{FOLDER} belongs to somebody else; set TMPDIR to a folder of yours")
    FOLDER.chmod(0o700)


def tidy() -> None:
    """Remove old files, and the oldest of too many; then the folders that this empties."""
    now, left = time.time(), MOST_BYTES
    files = []
    for path in FOLDER.rglob("*"):
        try:
            status = path.lstat()
        except OSError:
            continue  # removed by somebody else meanwhile
        if not stat.S_ISDIR(status.st_mode) and path not in lasting:
            files.append((status.st_mtime, status.st_size, path))
    for changed, size, path in sorted(files, reverse=True):
        left -= size
        if left < 0 or now - changed > KEEP_SECONDS:
            path.unlink(missing_ok=True)
    for path in sorted(FOLDER.rglob("*"), reverse=True):
        try:
            if path.is_dir() and now - path.stat().st_mtime > KEEP_SECONDS:
                path.rmdir()
        except OSError:
            pass  # not empty


def new_file(name: str) -> Path:
    """A path in the folder that no other request writes to."""
    folder = FOLDER / f"{time.time_ns():x}-{threading.get_ident():x}"
    folder.mkdir()
    return folder / name
