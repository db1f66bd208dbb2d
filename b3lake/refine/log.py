"""The job's log."""

import logging

log = logging.getLogger("refine")
