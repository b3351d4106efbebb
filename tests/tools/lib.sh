# SPDX-License-Identifier: MIT
# For the shell tests of gpupv: a scratch folder, and checks of status and output.
# Usage: . lib.sh; then $gpupv is the command and $scratch a folder that goes with the test.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
out=$scratch/out err=$scratch/err

fail()
{
    echo "FAILED: $*" >&2
    echo "--- standard output" >&2
    cat "$out" >&2
    echo "--- standard error" >&2
    cat "$err" >&2
    exit 1
}

# run STATUS ARGUMENT...: gpupv with these arguments ends with STATUS; its output is in $out and $err.
run()
{
    local wanted=$1 status=0
    shift
    "$gpupv" "$@" > "$out" 2> "$err" < /dev/null || status=$?
    [ "$status" -eq "$wanted" ] || fail "gpupv $*: status $status, not $wanted"
    # A failure that is none of the work itself says why, once, on standard error.
    if [ "$wanted" -gt 1 ]; then
        [ "$(grep -c '^gpupv: ' "$err")" -eq 1 ] || fail "gpupv $*: not one message"
    fi
}

# Fixed strings that standard output or standard error must, or must not, hold.
says() { grep -qF -- "$1" "$out" || fail "the output lacks: $1"; }
says_not() { ! grep -qF -- "$1" "$out" || fail "the output has: $1"; }
warns() { grep -qF -- "$1" "$err" || fail "the message lacks: $1"; }

# run, with --json; the output is one JSON document.
run_json()
{
    run "$@" --json
    /usr/bin/python3 -m json.tool < "$out" > /dev/null 2>> "$err" || fail "gpupv $*: no JSON"
}

# json EXPRESSION: a Python expression of the document `d` that must hold.
json()
{
    /usr/bin/python3 -c "import json, sys; d = json.load(sys.stdin); sys.exit(not ($1))" \
        < "$out" 2>> "$err" || fail "the JSON does not hold: $1"
}
