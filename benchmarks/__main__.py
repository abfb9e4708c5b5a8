"""Run all benchmarks, one after the other: ``python benchmarks [--sweep] [--accuracy]``.

Each is a command of its own and says in its first lines what it measures against whom.
The site of 10,000 folders takes a quarter of an hour, the comparison with independent
readers on 100,000 events half an hour: they are left out unless asked for.  Exit status 1
where any of them missed a target.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CALENDARS = ("reading", "change", "first_sync", "first_site", "freshness", "upload", "two_way")
ALL = (*CALENDARS, "get", "retr", "put", "stor", "sameness", "startup")
LONG = ("sweep", "accuracy")


def main() -> int:
    """Run the benchmarks; return 1 where one of them missed a target."""
    parser = argparse.ArgumentParser(description="Run all benchmarks, one after the other.")
    for name in LONG:
        parser.add_argument(f"--{name}", action="store_true", help="this long one as well")
    asked = vars(parser.parse_args())
    missed = []
    for name in (*ALL, *(name for name in LONG if asked[name])):
        print(f"== {name}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}"]
        if subprocess.run(command, cwd=HERE.parent, check=False).returncode:
            missed.append(name)
    print(f"missed a target: {', '.join(missed)}" if missed else "all targets met")
    return int(bool(missed))


if __name__ == "__main__":
    raise SystemExit(main())
