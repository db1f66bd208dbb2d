"""`python -m b3lake COMMAND`, for where the console command is not on the PATH."""

from b3lake.cli import main

if __name__ == "__main__":
    main()
