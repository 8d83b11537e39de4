"""Judging reports: is an organization healthy, what changed between two reports, and how did each test do over time.

``verdict`` judges reports by rules, ``ignores`` leaves out known failures, ``compare`` classifies the changes between
two reports, ``trend`` follows each test over many. ``results`` has what all of them agree on: which result is worse,
and when a report has ended.

Pure functions: values in, values out; no server, no file, no clock. A new rule of what is healthy goes to ``verdict``.
"""
