"""`python -m pedesis_zoo`."""

from pedesis_zoo.cli import main

main()
