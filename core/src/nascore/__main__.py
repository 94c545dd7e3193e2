"""``python -m nascore`` is the command ``nascore``."""

from nascore.cli import main

if __name__ == "__main__":
    main()
