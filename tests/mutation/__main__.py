"""Break every derivative rule and every kernel in every small way, and see that a test notices."""

from __future__ import annotations

import argparse
import os
import sys

for _pool in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[_pool] = "1"  # a process a core; set before NumPy is imported
os.environ["NUMBA_DISABLE_JIT"] = "1"  # kernels as plain Python functions, which can be broken at run time


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("names", nargs="*", help="break only what has one of these in its name; everything by default")
    parser.add_argument("--part", choices=("rules", "kernels"), help="break only the rules, or only the kernels")
    parser.add_argument(
        "--sample", type=int, metavar="N", help="break in N randomly chosen ways; listed equivalents aside"
    )
    parser.add_argument("--seed", type=int, default=0, help="chooses the sample")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--list", action="store_true", help="print the mutants and break nothing")
    parser.add_argument("--verbose", action="store_true", help="print each mutant with the test that noticed it")
    options = parser.parse_args()

    from .campaign import campaign

    return campaign(options)


if __name__ == "__main__":
    sys.exit(main())
