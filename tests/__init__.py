"""Tests of hcexport; README.md says what is where."""
