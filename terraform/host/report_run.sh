#!/usr/bin/env bash
# Tells how a run of b3-ingestion.service ended: to CloudWatch as FailedRuns 0 or 1, and its journal to CloudWatch Logs when
# LOG_GROUP is set. Then powers the host off when STOP_AFTER_RUN is true. systemd calls it after each run with
# SERVICE_RESULT, EXIT_STATUS and INVOCATION_ID. What cannot be told is said in the journal and fails nothing.
set -uo pipefail

here=$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=ec2/read_settings.sh
source "$here/../ec2/read_settings.sh"
read_settings "$here/../ingestion.env" || echo "The report goes on with the settings that could be read." >&2

put_metric() {
  local failed=0
  if [[ ${SERVICE_RESULT:-} != success ]]; then
    failed=1
    echo "The ingestion failed: ${SERVICE_RESULT:-no result}, exit status ${EXIT_STATUS:-unknown}."
  elif systemctl is-failed --quiet b3-update.service; then
    failed=1
    echo "The ingestion went well, with an old release: see journalctl -u b3-update."
  fi
  aws cloudwatch put-metric-data --namespace "${METRIC_NAMESPACE:-}" --metric-name FailedRuns \
    --dimensions "Environment=${LAKE_ENV:-}" --value "$failed" || echo "The result could not be put to CloudWatch." >&2
}

ship_log() {
  local stream events
  stream=$(date --utc +%Y/%m/%d/%H%M%S)-${INVOCATION_ID:0:8}
  events=$(mktemp)
  journalctl --sync
  journalctl "_SYSTEMD_INVOCATION_ID=$INVOCATION_ID" --output json --all | python3 "$here/log_events.py" >"$events" &&
    aws logs create-log-stream --log-group-name "$LOG_GROUP" --log-stream-name "$stream" &&
    aws logs put-log-events --log-group-name "$LOG_GROUP" --log-stream-name "$stream" --log-events "file://$events" >/dev/null ||
    echo "The log could not be copied to CloudWatch Logs: it is in the journal." >&2
  rm -f "$events"
}

power_off() {
  if [[ -n $(who) ]] || pgrep --full ssm-session-worker >/dev/null; then
    echo "Someone is logged in, so the host stays on: stop it yourself when done."
    return
  fi
  systemctl poweroff --no-block
}

put_metric
[[ -z ${LOG_GROUP:-} || -z ${INVOCATION_ID:-} ]] || ship_log
[[ ${STOP_AFTER_RUN:-} != true ]] || power_off
exit 0
