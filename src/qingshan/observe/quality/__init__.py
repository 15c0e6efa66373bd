"""Quality control: plan rows, kernels on dense blocks, the layer of flags, and what reviewers decided.

May import: qingshan.zone, qingshan.core. Start reading at `plan.py` (which test with which limit, from when), then `run.py`.
"""
