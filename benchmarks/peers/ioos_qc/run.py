"""Runs the QARTOD tests of ioos_qc on every series of a matrix, prints CPU seconds as JSON.

.venv/bin/python run.py VALUES.npy FLAGS.npy LIMITS

VALUES (series, hours) with NaN where missing. Gross range, spike, rate of change, flat line, and their aggregate, which is saved.
"""

import json
import sys
import time
from importlib.metadata import version

import numpy as np
from ioos_qc import qartod

LIMITS = json.loads(sys.argv[3])


def main(values, flags):
    matrix = np.load(values)
    hours = np.datetime64("2027-01-01") + np.arange(matrix.shape[1]) * np.timedelta64(1, "h")
    out = np.empty(matrix.shape, dtype=np.uint8)
    begun = time.process_time()
    for i, row in enumerate(matrix):
        tests = [
            qartod.gross_range_test(
                row, (LIMITS["fail_min"], LIMITS["fail_max"]), (LIMITS["suspect_min"], LIMITS["suspect_max"])
            ),
            qartod.spike_test(row, LIMITS["spike_suspect"], LIMITS["spike_fail"]),
            qartod.rate_of_change_test(row, hours, LIMITS["rate"] / 3600),
            qartod.flat_line_test(row, hours, LIMITS["n_suspect"] * 3600, LIMITS["n_fail"] * 3600, 0),
        ]
        out[i] = np.ma.filled(qartod.qartod_compare(tests), 9)
    seconds = time.process_time() - begun
    np.save(flags, out)
    print(json.dumps({"version": version("ioos_qc"), "seconds": seconds, "values": matrix.size}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
