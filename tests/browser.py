"""The system's own Chromium, without a window, by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

PICTURES = Path(os.environ.get("GROUNDWIRE_TEST_PICTURES") or Path(__file__).parent.parent / "build" / "screenshots")
"""Where screenshots are kept."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; skips where there is no Chromium, and fails there where there should be one."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no Chromium is installed")
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()
