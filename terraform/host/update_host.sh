#!/usr/bin/env bash
# Brings the ingestion host to the release that Terraform published last: code, virtualenv, settings and systemd units.
# Usage: update_host.sh HOST_BUCKET. It changes nothing when the host is there already, and switches over only when the
# new release is whole; until then the old one stays in force.
set -euo pipefail
shopt -s inherit_errexit
umask 022

bucket=${1:?usage: update_host.sh HOST_BUCKET}
root=${B3_LAKE_ROOT:-/opt/b3-lake}
systemd=${B3_LAKE_SYSTEMD:-/etc/systemd}

download() { # RELEASE FOLDER
  local release=$1 folder=$2
  aws s3 cp --recursive --only-show-errors "s3://$bucket/releases/$release/" "$folder/"
  if [[ $(sha256sum <"$folder/MANIFEST") != "$release"* ]] || ! (cd "$folder" && sha256sum --check --quiet --strict MANIFEST); then
    echo "Release $release in s3://$bucket is not whole: run terraform apply again." >&2
    return 1
  fi
  chmod +x "$folder"/ec2/*.sh "$folder"/host/*.sh
}

# One virtualenv for each content of the package and its requirements: releases that differ in settings share it.
make_virtualenv() { # RELEASE_FOLDER
  local release=$1 folder
  folder=$root/venvs/$(grep -E '  (b3lake/|queries/|pyproject.toml|requirements/)' "$release/MANIFEST" | sha256sum | cut -c 1-16)
  if [[ ! -e $folder/complete ]]; then
    rm -rf "$folder"
    python3.11 -m venv "$folder"
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-cache-dir --only-binary :all: \
      --require-hashes --requirement "$release/requirements/ingest.txt"
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation "$release"
    touch "$folder/complete"
  fi
  echo "$folder"
}

install_units() { # RELEASE_FOLDER
  local folder=$1 file path changed=()
  for file in "$folder"/systemd/*/*; do
    path=${file#"$folder/systemd/"}
    [[ ! -e $systemd/$path || $(<"$file") != "$(<"$systemd/$path")" ]] || continue
    install -D --mode 0644 "$file" "$systemd/$path"
    changed+=("$path")
  done
  [[ ${#changed[@]} -gt 0 ]] || return 0
  systemctl daemon-reload
  for path in "${changed[@]}"; do
    case $path in
      journald.conf.d/*) systemctl restart systemd-journald.service ;;
      *.timer) systemctl enable "${path##*/}" && systemctl restart "${path##*/}" ;;
    esac
  done
}

# The release before stays, because a run may still be using it.
remove_old() { # CURRENT PREVIOUS
  local folder
  for folder in "$root"/releases/*; do
    [[ $folder == "$1" || $folder == "$2" ]] || rm -rf "$folder"
  done
  for folder in "$root"/venvs/*; do
    [[ $folder == "$(readlink "$1/.venvs/tech")" || $folder == "$(readlink "$2/.venvs/tech")" ]] || rm -rf "$folder"
  done
}

main() {
  local release folder previous venv
  mkdir -p "$root/releases"
  exec 9<"$root/releases"
  flock 9 # the first boot and the timer may meet

  release=$(aws s3 cp --only-show-errors "s3://$bucket/release" -)
  if [[ ! $release =~ ^[0-9a-f]{16}$ ]]; then
    echo "s3://$bucket/release names no release: run terraform apply again." >&2
    return 1
  fi
  folder=$root/releases/$release
  previous=$(readlink "$root/current" || true)
  [[ $previous != "$folder" ]] || return 0

  rm -rf "$folder"
  mkdir -p "$folder/.venvs"
  download "$release" "$folder"
  venv=$(make_virtualenv "$folder")
  ln -s "$venv" "$folder/.venvs/tech"
  ln -sfn "$folder" "$root/next"
  mv -T "$root/next" "$root/current"
  install_units "$folder"
  remove_old "$folder" "$previous"
  echo "This host now follows release $release."
}

main
