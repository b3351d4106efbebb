# SPDX-License-Identifier: MIT
"""The runner behind run-cts: runs deqp-vk in shards on the host's driver and in a guest, and compares."""
import argparse
import collections
import concurrent.futures
import os
import re
import signal
import subprocess
import sys
import threading
import time

from compare import Comparison, die, read_cases, read_known, read_results, write_results

GOOD = {"Pass", "QualityWarning", "CompatibilityWarning", "Waiver"}
# From best to worst; what is not named counts as a failure.
RANKS = {status: 0 for status in GOOD} | {"NotSupported": 1}
FAILED = 2

CASE = re.compile(r"Test case '([^']+)'\.\.")
STATUS = re.compile(r"  ([A-Z][A-Za-z]+) \((.*)")


def rank(status):
    return RANKS.get(status, FAILED)


class NotStarted(Exception):
    """deqp-vk ends before it comes to its tests: a word of the command line is wrong, or a library is
    missing."""


class Side:
    """Where tests run: how a command is started there, and where it finds files."""

    def __init__(self, name, options, extra):
        self.name = name
        self.options = options
        self.extra = extra
        self.guest = name == "guest"
        self.started = False

    def command(self, cases_file):
        program = self.options.program
        results = self.options.results
        if self.guest:
            cases_file = cases_file.replace(results, "/opt/results", 1)
            program = "/opt/cts/" + os.path.basename(program)
        line = [program, "--deqp-caselist-file=" + cases_file, "--deqp-log-filename=/dev/null",
                "--deqp-log-images=disable", "--deqp-log-shader-sources=disable",
                "--deqp-shadercache=disable", "--deqp-archive-dir=" + os.path.dirname(program)]
        line += self.extra
        if self.guest:
            return ["bash", "-c", 'sandbox_guest "$@"', "guest"] + line
        return line

    def environment(self):
        environment = dict(os.environ)
        if not self.guest:
            environment["VK_DRIVER_FILES"] = os.environ["GPUPV_CTS_ICD"]
        return environment


def run_some(side, tag, cases):
    """Runs deqp-vk once. Gives the results of what it came to, and what it said."""
    options = side.options
    cases_file = os.path.join(options.results, f"{side.name}-{tag}.cases")
    with open(cases_file, "w") as out:
        out.write("".join(case + "\n" for case in cases))
    results = {}
    first = []
    said = collections.deque(maxlen=60)
    process = subprocess.Popen(side.command(cases_file), env=side.environment(), text=True,
                               errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True)
    # A thread reads; this one looks whether a case takes too long.
    state = {"case": None, "since": time.monotonic(), "done": False}

    def read():
        for line in process.stdout:
            said.append(line)
            if len(first) < 5 and line.strip():
                first.append(line)
            if line.startswith("Writing test log"):
                side.started = True
            if match := CASE.match(line):
                state.update(case=match[1], since=time.monotonic())
            elif (match := STATUS.match(line)) and state["case"]:
                results[state["case"]] = match[1]
                state.update(case=None, since=time.monotonic())
            elif line.startswith("DONE!"):
                state["done"] = True

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    hung = False
    while process.poll() is None:
        if time.monotonic() - state["since"] > options.timeout:
            hung = True
            break
        reader.join(0.05)
        if not reader.is_alive():
            time.sleep(0.01)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    reader.join(5)
    os.unlink(cases_file)
    if not side.started and not hung:
        raise NotStarted(f"run-cts: the program does not start ({side.name}):\n{''.join(first)}")
    if not state["done"]:
        # A program that came to no case at all has failed at the first.
        blamed = state["case"] or next((case for case in cases if case not in results), None)
        if blamed:
            results[blamed] = "Timeout" if hung else "Crash"
            return results, False, said
    return results, True, said


def run_shard(side, tag, cases):
    """All cases of a shard, over crashes and hangs."""
    results = {}
    left = cases
    while left:
        some, done, said = run_some(side, tag, left)
        results |= {case: status for case, status in some.items() if case in set(cases)}
        bad = [case for case, status in some.items() if rank(status) >= FAILED]
        if bad:
            with open(os.path.join(side.options.results, side.name + ".log"), "a") as log:
                log.write(f"== {' '.join(bad[-3:])}\n{''.join(said)}\n")
        if done:
            break
        left = [case for case in left if case not in results]
    # A name that the program does not know.
    return {case: results.get(case, "Missing") for case in cases}


def run_all(side, cases, shard):
    shards = [cases[i:i + shard] for i in range(0, len(cases), shard)]
    results = {}
    with concurrent.futures.ThreadPoolExecutor(side.options.jobs) as pool:
        jobs = [pool.submit(run_shard, side, str(i), some) for i, some in enumerate(shards)]
        for job in concurrent.futures.as_completed(jobs):
            results |= job.result()
            print(f"{side.name}: {len(results)} of {len(cases)}", file=sys.stderr)
    return results


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--cases", required=True)
    parser.add_argument("--results", required=True)
    parser.add_argument("--jobs", type=int, required=True)
    parser.add_argument("--shard", type=int, required=True)
    parser.add_argument("--timeout", type=float, required=True)
    parser.add_argument("--known")
    parser.add_argument("--native")
    parser.add_argument("extra", nargs="*")
    options = parser.parse_args()
    cases = read_cases(options.cases)
    comparison = Comparison(cases, rank, read_known(options.known) if options.known else [])
    native_side, guest_side = (Side(name, options, options.extra) for name in ("native", "guest"))

    if options.native:
        native = read_results(options.native, cases)
    else:
        native = run_all(native_side, cases, options.shard)
        write_results(options.results, "native.csv", cases, native)
    if all(status in ("Crash", "Missing", "Timeout") for status in native.values()):
        die("run-cts: no case runs on the host's driver")
    guest = run_all(guest_side, cases, options.shard)

    # What depends on what ran before it is no regression of the driver's alone.
    again = comparison.worse(native, guest)
    if again:
        if not options.native:
            native |= run_all(native_side, again, 1)
        guest |= run_all(guest_side, again, 1)
    write_results(options.results, "guest.csv", cases, guest)
    return comparison.report(native, guest, len(again))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except NotStarted as problem:
        die(str(problem).rstrip())
