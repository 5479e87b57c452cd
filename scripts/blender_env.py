"""Make .venv-blender: Blender as a Python module, which the tests read our FBX files with.

Blender is under the GPL, so it stays out of Oberih's own environment and is only run as another program. Its
wheels are for one Python each: 5.0 for 3.11, 5.1 and later for 3.13. Without such a Python nothing is made,
this says so, and the tests that need Blender are skipped.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

HOME = Path(__file__).parents[1]
PLACE = HOME / ".venv-blender"
PINS = HOME / "requirements-blender.txt"
VERSIONS = ("3.11", "3.13")
ASK = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"


def main() -> int:
    mark, wanted = PLACE / "ready", hashlib.sha256(PINS.read_bytes()).hexdigest()
    if mark.exists() and mark.read_text() == wanted:
        return 0
    python = suitable()
    if python is None:
        print(f"No Python {' or '.join(VERSIONS)} is here, and Blender is made for no other: ", end="")
        print("the tests that read our files with Blender will be skipped.")
        return 0
    print("Setting up .venv-blender for the tests (once; 1 GB on disk) ...", flush=True)
    subprocess.run([python, "-m", "venv", "--clear", PLACE], check=True)
    pip = [PLACE / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    install = [*pip, "--only-binary", ":all:", "--require-hashes", "-r", PINS]
    done = subprocess.run(install, check=False)
    # A wheel for this Python does not mean one for this machine; nor are its graphics libraries always there.
    if done.returncode or subprocess.run([PLACE / "bin/python", "-c", "import bpy"], check=False).returncode:
        shutil.rmtree(PLACE)
        print(f"Blender cannot be installed on this machine ({platform.machine()}): see above. ", end="")
        print("The tests that read our files with Blender will be skipped.")
        return 0
    mark.write_text(wanted)
    return 0


def suitable() -> str | None:
    for name in (os.path.realpath(sys.executable), *(f"python{version}" for version in VERSIONS), "python3"):
        found = shutil.which(name)
        if found is None:
            continue
        answer = subprocess.run([found, "-c", ASK], capture_output=True, text=True, check=False)
        if answer.returncode == 0 and answer.stdout.strip() in VERSIONS:
            return found
    return None


if __name__ == "__main__":
    sys.exit(main())
