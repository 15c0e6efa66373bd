"""Runs SaQC's missing, range, constants and offset on every series of a matrix, prints CPU seconds as JSON.

.venv/bin/python run.py VALUES.npy FLAGS.npy LIMITS

VALUES (series, hours) with NaN where missing; the flags above 0 are saved.
"""

import json
import sys
import time
from importlib.metadata import version

import numpy as np
import pandas as pd
from saqc import SaQC

LIMITS = json.loads(sys.argv[3])


def main(values, flags):
    matrix = np.load(values)
    hours = pd.date_range("2027-01-01", periods=matrix.shape[1], freq="h")
    frame = pd.DataFrame(matrix.T, index=hours, columns=[f"s{i}" for i in range(len(matrix))])
    begun = time.process_time()
    qc = SaQC(frame)
    for name in frame.columns:
        qc = qc.flagMissing(name)
        qc = qc.flagRange(name, min=LIMITS["fail_min"], max=LIMITS["fail_max"])
        qc = qc.flagConstants(name, thresh=0, window=f"{LIMITS['n_suspect']}h")
        qc = qc.flagOffset(name, thresh=LIMITS["spike_suspect"], tolerance=LIMITS["spike_suspect"] / 2, window="2h")
    found = qc.flags.to_pandas() if hasattr(qc.flags, "to_pandas") else pd.DataFrame(qc.flags)
    seconds = time.process_time() - begun
    np.save(flags, (found.to_numpy() > 0).T)
    print(json.dumps({"version": version("saqc"), "seconds": seconds, "values": matrix.size}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
