"""All benchmarks, or some: `python -m bench [PART ...]`; tables in bench/README.md, figures in results/."""

import argparse
import json
import platform
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from bench.progress import on_terminal
from bench.report import write

RESULTS = Path(__file__).parent / "results"
# In the order of the report. Each module has measure(progress) and gives what json can write.
PARTS = ("cold", "warm", "throughput", "size", "load_model", "growth")


def main() -> None:
    """Measure the parts named, or all, and write the report."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(PARTS)}; default: all")
    parser.add_argument(
        "--report-only", action="store_true", help="write the report from the results at hand"
    )
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    RESULTS.mkdir(exist_ok=True)
    for part in () if given.report_only else (given.parts or PARTS):
        found = import_module(f"bench.{part}").measure(on_terminal(part))
        about = {
            "measured": datetime.now(UTC).isoformat(timespec="minutes"),
            "python": platform.python_version(),
            "processor": _processor(),
        }
        (RESULTS / f"{part}.json").write_text(json.dumps(about | found, indent=1) + "\n")
    sys.stderr.write(f"{write(RESULTS)}\n")


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} x {names[0]}" if names else platform.machine()


if __name__ == "__main__":
    main()
