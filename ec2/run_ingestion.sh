#!/usr/bin/env bash
# Runs the ingestion with the project's virtualenv `.venvs/tech`, else with the system's Python. Arguments go to
# fetch_b3_data.py, and its exit code comes back. Settings come from the environment, then from `ingestion.env` beside
# ec2/ where there is one, read as text (read_settings.sh); a line that cannot be taken ends it with exit code 78. Two
# runs never overlap: the second waits for the first, INGESTION_LOCK_SECONDS at most (an hour by default), and then gives
# up with exit code 75.
set -euo pipefail

# The path without symbolic links: an update that moves a link cannot mix two releases in one run.
here=$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")

# shellcheck source=ec2/read_settings.sh
source "$here/read_settings.sh"
if [[ -f $root/ingestion.env ]] && ! read_settings "$root/ingestion.env"; then
  echo "Nothing was fetched: put those lines of ingestion.env right." >&2
  exit 78
fi

if ! command -v flock >/dev/null; then
  echo "flock is missing, without which two runs could overlap: install the package util-linux." >&2
  exit 69
fi
# A folder takes a lock as a file does, and needs no writing to: any user's run sees any other's.
exec 9<"${INGESTION_LOCK:-$root}"
if ! flock --nonblock 9; then
  wait_seconds=${INGESTION_LOCK_SECONDS:-3600}
  echo "Another ingestion is running: waiting for it to end, $wait_seconds seconds at most." >&2
  if ! flock --timeout "$wait_seconds" 9; then
    echo "The other ingestion is still running: try again when it has ended." >&2
    exit 75
  fi
fi

python=$root/.venvs/tech/bin/python
[[ -x $python ]] || python=$(command -v python3 || command -v python) || {
  echo "There is no Python: run make setup, or install Python 3.11." >&2
  exit 69
}
exec "$python" "$here/fetch_b3_data.py" "$@"
