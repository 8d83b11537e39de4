"""``python -m hcexport``."""

from hcexport.cli import main

if __name__ == "__main__":
    main()
