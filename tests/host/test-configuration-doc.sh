#!/bin/sh
# SPDX-License-Identifier: MIT
# docs/configuration.md and data/gpupv.ini name every key and variable that the code reads, and no other.
set -u
root=$1
doc=$root/docs/configuration.md
status=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

compare() { # WHAT FROM-CODE FROM-DOC
  sort -u "$2" > "$2.sorted"
  sort -u "$3" > "$3.sorted"
  if ! [ -s "$2.sorted" ]; then
    echo "$1: nothing was found in the code; this script needs a look"
    status=1
  elif ! diff "$2.sorted" "$3.sorted" > "$work/diff"; then
    echo "$1: the code (<) and the document (>) differ:"
    grep '^[<>]' "$work/diff"
    status=1
  fi
}

# The first column of the tables below a heading, up to the next heading.
table_of() { # FILE HEADING
  awk -v heading="$2" '
    /^#/ { inside = ($0 == heading) }
    inside && /^\| `/ { split($0, part, "`"); print part[2] }' "$1"
}

# Keys in an ini file's section, commented out or not.
keys_of() { # FILE SECTION-PREFIX
  awk -v prefix="$2" '
    /^#? ?\[/ { line = $0; sub(/^#? ?/, "", line); inside = (index(line, prefix) == 1) }
    inside && /^#? ?[a-z-]+ *=/ { line = $0; sub(/^#? ?/, "", line); sub(/ *=.*/, "", line); print line }' "$1"
}

for section in SERVICE ADAPTER VM; do
  # [service] has keys of its own and the default VM's.
  case $section in
    SERVICE) macros='\(SERVICE\|DEFAULT_VM\)' ;;
    *) macros=$section ;;
  esac
  sed -n "s/^ *{\"\([a-z-]*\)\", $macros(.*/\1/p" "$root/host/config_keys.c" > "$work/code"
  case $section in
    SERVICE) heading='### [service]' prefix='[service]' ;;
    ADAPTER) heading='### [adapter:NAME]' prefix='[adapter:' ;;
    VM) heading='### [vm:NAME]' prefix='[vm:' ;;
  esac
  table_of "$doc" "$heading" > "$work/doc"
  compare "keys of $prefix in configuration.md" "$work/code" "$work/doc"
  keys_of "$root/data/gpupv.ini" "$prefix" > "$work/ini"
  compare "keys of $prefix in gpupv.ini" "$work/code" "$work/ini"
done

for folder in util wire kmt registry hoststore loader icd umd host tools; do
  grep -rhoE 'getenv\("GPUPV_[A-Z_]+"\)' "$root/$folder" --include='*.[ch]' --include='*.j2'
done | sed 's/.*"\(.*\)".*/\1/' > "$work/code"
table_of "$doc" '## Environment of the guest' > "$work/doc"
compare "environment variables" "$work/code" "$work/doc"

exit $status
