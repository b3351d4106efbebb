# SPDX-License-Identifier: MIT
"""The runner behind piglit: each test on the host's driver and in a guest, a process of its own."""
import argparse
import concurrent.futures
import json
import os
import shlex
import subprocess
import sys

from compare import Comparison, die, read_cases, read_known, write_results

RANKS = {"pass": 0, "warn": 1, "skip": 2}


def rank(status):
    return RANKS.get(status, 3)


def commands(piglit):
    """Piglit's tests: name → command. A relative program is one of its own."""
    found = {}
    for profile in ("quick_gl", "quick_shader"):
        printed = subprocess.run(["piglit", "print-cmd", "--format", "{name} ::: {command}", profile],
                                 text=True, capture_output=True, check=True).stdout
        for line in printed.splitlines():
            name, separator, command = line.partition(" ::: ")
            if separator:
                words = shlex.split(command)
                words[0] = os.path.join(piglit, "bin", os.path.basename(words[0]))
                found[name] = words
    return found


def run(side, options, name, command):
    """The test's result. `side`: native or guest, functions of tests/e2e/window.sh."""
    line = ["bash", "-c", side + ' env "$@"', side, "MESA_LOADER_DRIVER_OVERRIDE=zink",
            "LIBGL_ALWAYS_SOFTWARE=1", "PIGLIT_PLATFORM=glx", "PIGLIT_SOURCE_DIR=" + options.piglit]
    done = subprocess.run(line + command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace")
    result = "timeout" if done.returncode == 124 else "crash"
    for said in done.stdout.splitlines():
        if said.startswith("PIGLIT: {"):
            result = json.loads(said[len("PIGLIT: "):]).get("result", result)
    if done.returncode < 0 or done.returncode > 128:
        result = "crash"
    if rank(result) >= rank("fail"):
        with open(os.path.join(options.results, side + ".log"), "a") as log:
            log.write(f"== {name}: {result}, status {done.returncode}\n{done.stdout[-4000:]}\n")
    return result


def run_all(side, options, known, cases):
    results = {}
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        jobs = {pool.submit(run, side, options, case, known[case]): case for case in cases}
        for job in concurrent.futures.as_completed(jobs):
            results[jobs[job]] = job.result()
            if len(results) % 50 == 0:
                print(f"{side}: {len(results)} of {len(cases)}", file=sys.stderr)
    return results


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--piglit", required=True)
    parser.add_argument("--cases", required=True)
    parser.add_argument("--results", required=True)
    parser.add_argument("--known", required=True)
    parser.add_argument("--jobs", type=int, required=True)
    options = parser.parse_args()
    cases = read_cases(options.cases)
    known = commands(options.piglit)
    for case in cases:
        if case not in known:
            die(f"Piglit has no quick test {case}")
    comparison = Comparison(cases, rank, read_known(options.known))
    native = run_all("native", options, known, cases)
    write_results(options.results, "native.csv", cases, native)
    guest = run_all("guest", options, known, cases)
    again = comparison.worse(native, guest)
    if again:
        options.jobs = 1
        native |= run_all("native", options, known, again)
        guest |= run_all("guest", options, known, again)
    write_results(options.results, "guest.csv", cases, guest)
    return comparison.report(native, guest, len(again))


if __name__ == "__main__":
    sys.exit(main())
