"""One CPU baseline for published numbers, so that a replay on another processor gives the same bytes.

numpy picks faster kernels on newer processors, and they may differ in the last digit. The command line therefore runs
with the dispatched kernels off; the environment must be set before numpy is first imported.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

VARIABLE = "NPY_DISABLE_CPU_FEATURES"
DISPATCHED = "X86_V3 X86_V4 AVX512_ICL AVX512_SPR"  # numpy 2.4 on x86-64; numpy passes over names it does not know


def pin_cpu() -> None:
    """Switch numpy to its baseline kernels. Without effect once numpy is loaded or where the user has set the variable."""
    if "numpy" not in sys.modules:
        os.environ.setdefault(VARIABLE, DISPATCHED)


def enabled_kernels() -> list[str]:
    """The dispatched kernels that numpy uses in this process; empty under the pinned baseline."""
    core = import_module("numpy._core._multiarray_umath")  # no public way to ask
    return [name for name in core.__cpu_dispatch__ if core.__cpu_features__.get(name)]
