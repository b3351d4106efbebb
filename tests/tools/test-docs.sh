#!/bin/bash
# SPDX-License-Identifier: MIT
# Every command and option that --help shows is in the man page and in the completion, and the other
# way round; the man pages are well-formed.
# Usage: test-docs.sh GPUPV COMPLETION MAN-PAGE...
set -euo pipefail
gpupv=$1 completion=$2
shift 2
. "$(dirname "$0")/lib.sh"
touch "$out" "$err"


# "COMMAND OPTION" lines of the commands below $1, from their --help.
walk_help()
{
    local sub
    "$gpupv" ${1#gpupv} --help > "$scratch/help"
    for sub in $(sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p' "$scratch/help"); do
        walk_help "$1 $sub"
    done
    "$gpupv" ${1#gpupv} --help > "$scratch/help"
    if ! grep -q '^Commands:' "$scratch/help"; then
        echo "$1"
        sed -n 's/^  --\([a-z0-9-]*\).*/\1/p' "$scratch/help" | grep -vxE 'json|help|config' |
            while read -r option; do
                # The program's --version has no argument; a command may have one that does.
                grep -q "^  --$option [A-Z]" "$scratch/help" || [ "$option" != version ] || continue
                echo "$1 --$option"
            done
    fi
}

# The same from the man pages: .Ss sections and their .It Fl lines.
walk_man()
{
    awk '/^\.Ss gpupv /{command = substr($0, 5); print command; next}
        /^\.S[hs]/{command = ""}
        command != "" && /^\.It Fl -/ && $3 != "-config"{print command " -" $3}' "$@"
}

# The same from the completion, by asking it.
walk_completion()
{
    local command sub word
    command=$1
    for sub in $(complete_line $command ""); do
        case $sub in
        --*) ;;
        *) [ -n "${_gpupv_commands[$command]-}" ] && walk_completion "$command $sub" ;;
        esac
    done
    [ -z "${_gpupv_commands[$command]-}" ] || return 0
    echo "$command"
    for word in $(complete_line $command -); do
        case $word in
        --json | --help | --config) ;;
        --version) [ "$command" = "gpupv host store add" ] && echo "$command $word" ;;
        *) echo "$command $word" ;;
        esac
    done | sort -u
}

complete_line()
{
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    _gpupv > /dev/null 2>&1 || true
    printf '%s\n' "${COMPREPLY[@]}"
}

same()
{
    diff -u "$scratch/$1" "$scratch/$2" > "$out" || fail "$1 and $2 differ"
}

echo "== the man page has what --help has"
walk_help gpupv | sort > "$scratch/help-list"
[ "$(wc -l < "$scratch/help-list")" -gt 40 ] || fail "--help was not understood"
walk_man "$@" | sort > "$scratch/man-list"
same help-list man-list

echo "== the completion has what --help has"
PATH=/nonexistent_bin:$PATH
set +eu
. "$completion"
walk_completion gpupv | sort > "$scratch/completion-list"
set -eu
same help-list completion-list

echo "== short options and reg.exe's are in the man page"
for command in "reg query" "host reg add" "host reg query" "host reg delete" "host reg export" \
    "host reg import-hive" "host reg compare" "host reg diff" \
    "host store add" "host store keygen" "host store sign" "host store verify" "host store remove"; do
    section=$(awk -v name=".Ss gpupv $command" '$0 == name{on = 1; next} /^\.S[hs]/{on = 0} on' "$@")
    while read -r option spelling; do
        [ -n "$option" ] || continue
        case $spelling in
        -?) wanted="Fl ${spelling#-}" ;;
        *) wanted="Li $spelling" ;;
        esac
        grep -E "^\.It Fl -$option( |\$)" <<< "$section" | grep -qF "$wanted" ||
            fail "gpupv $command: --$option, $spelling is not in the man page"
    done < <("$gpupv" $command --help | awk '/^  --/{
        option = substr($1, 3); sub(/,$/, "", option)
        if (option ~ /^(json|help|version|config)$/) next
        line = $0; sub(/   .*/, "", line); sub(/^  /, "", line)
        count = split(line, words, ", ")
        for (i = 2; i <= count; i++) { sub(/ .*/, "", words[i]); print option, words[i] }}')
done

echo "== man pages"
for page in "$@"; do
    mandoc -T lint -W warning "$page" > "$out" || fail "$page"
done
echo "all as it should be"
