#!/usr/bin/env bash
# Reads a file of settings as text: NAME=value, NAME="value" or NAME='value', a line each, `export ` before it or not,
# with line ends of any system. Sourced by run_ingestion.sh and by the host's scripts, so that all read it alike.

# Names that would change which program runs, or how: no file of settings gives them.
settings_refused='^(PATH|PYTHON.*|LD_.*|DYLD_.*|BASH.*|SHELL.*|ENV|IFS|CDPATH|GLOBIGNORE|PS4|HOME|PROMPT_COMMAND)$'

# read_settings FILE: exports what the environment does not have yet. Lines that cannot be taken are named on standard
# error and left out; the exit code is then 1.
read_settings() {
  local file=$1 line number=0 name value quoted wrong=0
  local -A taken=()
  local setting='^[[:space:]]*(export[[:space:]]+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$'
  while IFS= read -r line || [[ -n $line ]]; do
    number=$((number + 1))
    line=${line%$'\r'}
    [[ $line =~ ^[[:space:]]*(#.*)?$ ]] && continue
    if [[ ! $line =~ $setting ]]; then
      echo "$file, line $number: no setting, and left out: write NAME=value." >&2
      wrong=1
      continue
    fi
    name=${BASH_REMATCH[2]} value=${BASH_REMATCH[3]}
    value=${value%"${value##*[![:space:]]}"}
    quoted=${value:1}
    quoted=${quoted%?}
    if [[ ! $name =~ ^[A-Z] || $name =~ $settings_refused ]]; then
      echo "$file, line $number: $name is not taken from a file of settings." >&2
    elif [[ -n ${taken[$name]:-} ]]; then
      echo "$file, line $number: $name is there twice, and the first counts: remove one." >&2
    elif [[ ${#value} -ge 2 && ($value == \"*\" || $value == \'*\') && $quoted != *"${value:0:1}"* ]]; then
      [[ -v $name ]] || export "$name=$quoted"
      taken[$name]=yes
      continue
    elif [[ $value == *[\"\']* ]]; then
      echo "$file, line $number: a quotation mark too many or too few in the value of $name: it is left out." >&2
    else
      [[ -v $name ]] || export "$name=$value"
      taken[$name]=yes
      continue
    fi
    wrong=1
  done <"$file"
  return "$wrong"
}
