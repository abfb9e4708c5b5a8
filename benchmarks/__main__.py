"""Run all benchmarks, one after the other: ``python benchmarks [--accuracy]``.

Each is a command of its own and says in its first lines what it measures against whom.
The comparison with independent readers on 100,000 events takes half an hour and is left
out unless asked for.  Exit status 1 where any of them missed a target.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ALL = ("reading", "change", "first_sync", "get", "retr", "put", "stor", "sameness", "startup")


def main() -> int:
    """Run the benchmarks; return 1 where one of them missed a target."""
    parser = argparse.ArgumentParser(description="Run all benchmarks, one after the other.")
    parser.add_argument("--accuracy", action="store_true", help="the long comparison as well")
    missed = []
    for name in (*ALL, *(["accuracy"] if parser.parse_args().accuracy else [])):
        print(f"== {name}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}"]
        if subprocess.run(command, cwd=HERE.parent, check=False).returncode:
            missed.append(name)
    print(f"missed a target: {', '.join(missed)}" if missed else "all targets met")
    return int(bool(missed))


if __name__ == "__main__":
    raise SystemExit(main())
