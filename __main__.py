"""`python -m tripletmine`: the command line, for when the console script is not on the path."""

from tripletmine.flows.cli import main

if __name__ == "__main__":
    main()
