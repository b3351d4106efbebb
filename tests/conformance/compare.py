# SPDX-License-Identifier: MIT
"""What run-cts and piglit share: lists of cases and of known differences, results of two sides, the report."""
import collections
import csv
import fnmatch
import os
import sys


def die(message):
    print(message, file=sys.stderr)
    sys.exit(2)


def read_cases(path):
    """A case a line; a # begins a comment."""
    cases = [line.split("#")[0].strip() for line in open(path)]
    cases = list(dict.fromkeys(case for case in cases if case))
    if not cases:
        die(f"{path} names no case")
    return cases


def read_known(path):
    """Lines "PATTERN  # reason": the patterns."""
    known = []
    for number, line in enumerate(open(path), 1):
        pattern, _, reason = line.partition("#")
        if not pattern.strip():
            continue
        if not reason.strip():
            die(f"{path}:{number}: a known difference without a reason")
        known.append(pattern.strip())
    return known


def read_results(path, cases):
    results = dict(csv.reader(open(path)))
    for case in cases:
        if case not in results:
            die(f"{path} has no result of {case}")
    return {case: results[case] for case in cases}


def write_results(folder, name, cases, results):
    with open(os.path.join(folder, name), "w", newline="") as out:
        csv.writer(out).writerows((case, results[case]) for case in cases)


class Comparison:
    """`rank` gives a number for a status; a higher one is worse. Results of sides: case → status."""

    def __init__(self, cases, rank, known):
        self.cases = cases
        self.rank = rank
        self.known = known

    def worse(self, there, here):
        return [case for case in self.cases if self.rank(here[case]) > self.rank(there[case])]

    def report(self, native, guest, again):
        """Prints what is worse in the guest. `again`: how many were so before they ran alone."""
        regressions = self.worse(native, guest)
        unknown = [case for case in regressions
                   if not any(fnmatch.fnmatchcase(case, pattern) for pattern in self.known)]
        for case in unknown:
            print(f"{case}: {native[case]} on the host, {guest[case]} in the guest")
        for name, results in (("native", native), ("guest", guest)):
            counts = collections.Counter(results.values()).most_common()
            print(f"{name + ':':7} " + ", ".join(f"{number} {status}" for status, number in counts))
        print(f"{len(unknown)} regressions, {len(regressions) - len(unknown)} known ones, "
              f"{again - len(regressions)} only among others, "
              f"{len(self.worse(guest, native))} cases better in the guest")
        return 1 if unknown else 0
