"""`python -m b3lake COMMAND`, for where the console command is not on the PATH."""

from b3lake.lake.interrupts import end_at_once

if __name__ == "__main__":
    end_at_once()
    from b3lake.cli import main

    main()
