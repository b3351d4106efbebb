# SPDX-License-Identifier: MIT
"""The runner behind run-cts: runs deqp-vk in shards on the host's driver and in a guest, and compares."""
import argparse
import collections
import concurrent.futures
import csv
import fnmatch
import os
import re
import signal
import subprocess
import sys
import threading
import time

GOOD = {"Pass", "QualityWarning", "CompatibilityWarning", "Waiver"}
# From best to worst; what is not named counts as a failure.
RANKS = {status: 0 for status in GOOD} | {"NotSupported": 1}
FAILED = 2

CASE = re.compile(r"Test case '([^']+)'\.\.")
STATUS = re.compile(r"  ([A-Z][A-Za-z]+) \((.*)")


def die(message):
    print("run-cts: " + message, file=sys.stderr)
    sys.exit(2)


def rank(status):
    return RANKS.get(status, FAILED)


def read_cases(path):
    cases = [line.split("#")[0].strip() for line in open(path)]
    return list(dict.fromkeys(case for case in cases if case))


def read_known(path):
    known = []
    for number, line in enumerate(open(path), 1):
        pattern, hash_sign, reason = line.partition("#")
        if not pattern.strip():
            continue
        if not reason.strip():
            die(f"{path}:{number}: a known regression without a reason")
        known.append(pattern.strip())
    return known


class Side:
    """Where tests run: how a command is started there, and where it finds files."""

    def __init__(self, name, options, extra):
        self.name = name
        self.options = options
        self.extra = extra
        self.guest = name == "guest"

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
    said = collections.deque(maxlen=60)
    process = subprocess.Popen(side.command(cases_file), env=side.environment(), text=True,
                               errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True)
    # A thread reads; this one looks whether a case takes too long.
    state = {"case": None, "since": time.monotonic(), "done": False}

    def read():
        for line in process.stdout:
            said.append(line)
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


def write_results(path, cases, results):
    with open(path, "w", newline="") as out:
        csv.writer(out).writerows((case, results[case]) for case in cases)


def worse(cases, native, guest):
    return [case for case in cases if rank(guest[case]) > rank(native[case])]


def count(results):
    counts = collections.Counter(results.values())
    return ", ".join(f"{number} {status}" for status, number in counts.most_common())


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
    if not cases:
        die("the list names no case")
    known = read_known(options.known) if options.known else []
    sides = {name: Side(name, options, options.extra) for name in ("native", "guest")}

    if options.native:
        native = dict(csv.reader(open(options.native)))
        if missing := [case for case in cases if case not in native]:
            die(f"{options.native} has no result of {missing[0]}")
        native = {case: native[case] for case in cases}
    else:
        native = run_all(sides["native"], cases, options.shard)
        write_results(os.path.join(options.results, "native.csv"), cases, native)
    if all(status in ("Crash", "Missing", "Timeout") for status in native.values()):
        die("no case runs on the host's driver")
    guest = run_all(sides["guest"], cases, options.shard)

    # What depends on what ran before it is no regression of the driver's alone.
    again = worse(cases, native, guest)
    if again:
        for name, results in (("native", native), ("guest", guest)):
            if name == "native" and options.native:
                continue
            results |= run_all(sides[name], again, 1)
    write_results(os.path.join(options.results, "guest.csv"), cases, guest)
    regressions = worse(cases, native, guest)
    unknown = [case for case in regressions
               if not any(fnmatch.fnmatchcase(case, pattern) for pattern in known)]
    for case in unknown:
        print(f"{case}: {native[case]} on the host, {guest[case]} in the guest")
    better = worse(cases, guest, native)
    print(f"native: {count(native)}")
    print(f"guest:  {count(guest)}")
    print(f"{len(unknown)} regressions, {len(regressions) - len(unknown)} known ones, "
          f"{len(again) - len(regressions)} only among others, {len(better)} cases better in the guest")
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
