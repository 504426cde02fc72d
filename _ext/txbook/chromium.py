"""Where Chromium is on this machine, and the one command that installs it where it is missing."""

import os
import shutil
import sys
from pathlib import Path

NAMES = (
    "chromium-headless-shell",  # without a window, in a third of the time
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
)
ELSEWHERE = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
INSTALL = {
    "darwin": "brew install --cask chromium",
    "win32": "winget install --id Hibbiki.Chromium",
}


def find_chromium() -> str | None:
    """Return the path of a Chromium or Chrome, or None; ``TXLITE_CHROMIUM`` names one."""
    named = os.environ.get("TXLITE_CHROMIUM")
    if named:
        return named
    found = (shutil.which(name) for name in NAMES)
    elsewhere = (path for path in ELSEWHERE if Path(path).exists())
    return next((path for path in (*found, *elsewhere) if path), None)


def install_command() -> str:
    """Return the command that installs Chromium on this platform."""
    return INSTALL.get(sys.platform, "sudo apt-get install chromium")


def require_chromium() -> str:
    """Return the path of Chromium.

    Raises
    ------
    FileNotFoundError
        If there is none; the message is the command that installs it.
    """
    found = find_chromium()
    if found is None:
        raise FileNotFoundError(
            f"the tests of the site need Chromium; install it with: {install_command()}"
        )
    return found
