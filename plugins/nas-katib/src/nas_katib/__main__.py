"""``python -m nas_katib`` is the command ``nascore-katib``."""

from nas_katib.command import main

if __name__ == "__main__":
    main()
