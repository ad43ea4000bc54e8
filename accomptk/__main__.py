"""``python -m accomptk`` is the ``accomptk`` command."""

from accomptk.cli import main

if __name__ == "__main__":
    main(prog_name="accomptk")
