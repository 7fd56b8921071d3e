"""``python -m sulfox``: the same as the command ``sulfox``."""

from sulfox.cli.main import main

if __name__ == "__main__":
    main()
