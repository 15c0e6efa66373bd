"""What people and programs touch: cli, api, web. Thin: no arithmetic.

May import every layer below. Start reading at `cli/verbs.py` and `api/app.py`.
"""
