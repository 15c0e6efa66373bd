"""Alerts: rules as rows, states with hysteresis, transitions as events, replay over history; alarms of rising counts and clusters.

May import: qingshan.zone, qingshan.core. Start reading at `rule.py`, then `engine.py` and `replay.py`.
"""
