"""The pinned CPU baseline: set before numpy loads, left alone afterwards or where the user has set it."""

from __future__ import annotations

import os
import subprocess
import sys

CODE = "from qingshan.core.baseline import *; pin_cpu(); import numpy; print(enabled_kernels())"


def printed(code: str, **environment: str) -> str:
    clean = {k: v for k, v in os.environ.items() if k != "NPY_DISABLE_CPU_FEATURES"} | environment
    return subprocess.run(
        [sys.executable, "-c", code], env=clean, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_pinned_before_numpy_loads() -> None:
    assert printed(CODE) == "[]"


def test_too_late_changes_nothing() -> None:
    plain = printed("from qingshan.core.baseline import *; import numpy; print(enabled_kernels())")
    assert printed("import numpy; " + CODE) == plain


def test_the_users_own_setting_stands() -> None:
    code = "from qingshan.core.baseline import *; import os; pin_cpu(); print(os.environ[VARIABLE])"
    assert printed(code, NPY_DISABLE_CPU_FEATURES="AVX512_SPR") == "AVX512_SPR"
