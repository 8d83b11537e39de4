"""How results leave: as text, as records, as report files."""
