"""`python -m minidl` is the `minidl` command."""

from .app.main import main

if __name__ == "__main__":
    main()
