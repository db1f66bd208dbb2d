#!/usr/bin/env bash
# Puts to CloudWatch, for the dashboard, how many faults and gaps the newest month of the lake has.
set -euo pipefail

here=$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
# shellcheck source=ec2/read_settings.sh
source "$root/ec2/read_settings.sh"
read_settings "$root/ingestion.env"
exec "$root/.venvs/tech/bin/b3lake" doctor --recent 30 --put-figures
