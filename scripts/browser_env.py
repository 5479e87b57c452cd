"""Gives the tests a browser: Chromium, from the system's packages, if there is none and we may install it."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome")
ASK = "The tests of pages drive a real browser. On Debian and Ubuntu: apt-get install chromium"


def main() -> None:
    if any(map(shutil.which, NAMES)):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        print(ASK, file=sys.stderr)  # the tests say so too
        return
    print("Installing Chromium for the tests (once) ...", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = shutil.which("apt-get") or "apt-get"
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
        done = subprocess.run([apt, *command], env=quiet, capture_output=True, text=True, check=False)
        if done.returncode:
            print(done.stderr[-2000:], ASK, sep="\n", file=sys.stderr)
            return


if __name__ == "__main__":
    main()
