"""``python -m pinnkit``: the command line, where the script `pinnkit` is not on the path."""

from .cli import main

if __name__ == "__main__":
    main()
