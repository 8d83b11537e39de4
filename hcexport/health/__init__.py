"""Judging reports: is an organization healthy, what changed between two reports, and how did each test do over time.

Pure: values in, values out; no server, no file, no clock. What every part agrees on is in ``results``.
"""
