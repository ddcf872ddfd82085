#!/usr/bin/env python3
"""The demo's table from the JSON lines of `vigie check`; exit code 1 when a promise was broken.

Copies are named <stem>--<edit>.jpg; a match counts only when it names the entry of its stem.
"""
import argparse
import collections
import json
import pathlib
import sys


def read(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def stem_and_kind(filename):
    stem, _, kind = pathlib.PurePath(filename).stem.partition("--")
    return stem, kind or "original"


class Row:
    """What became of all copies of one kind."""

    def __init__(self):
        self.checked = 0
        self.distances = []
        self.orientations = collections.Counter()
        self.actions = collections.Counter()
        self.not_scanned = collections.Counter()
        self.missed = []
        self.wrong = []

    def add(self, filename, verdict, entry):
        """`entry` is the one that must be found; None: none may be."""
        self.checked += 1
        if verdict["outcome"] == "NOT_SCANNED":
            self.not_scanned[verdict["notScanned"].lower()] += 1
            return
        matches = verdict.get("matches", [])
        right = [match for match in matches if match["entry"] == entry]
        if len(right) < len(matches):
            self.wrong.append(filename)
        if right:
            # Proto3's JSON leaves out zeros.
            self.distances.append(right[0].get("distance", 0))
            self.orientations[right[0]["orientation"].lower()] += 1
            self.actions[verdict["action"].lower()] += 1
        elif entry is not None:
            self.missed.append(filename)

    @property
    def found(self):
        return len(self.distances)


def words(counter):
    return ", ".join(key if n == counter.total() else f"{key} {n}"
                     for key, n in counter.most_common()) or "-"


def rows_by_kind(lines, entries):
    rows = collections.defaultdict(Row)
    for line in lines:
        stem, kind = stem_and_kind(line["filename"])
        rows[kind].add(line["filename"], line["verdict"], entries.get(stem))
    return rows


def print_known(kinds, pictures, hashed):
    line = "{:<39} {:>7} {:>5} {:>6} {:>11} {:>8}  {:<13} {}"
    print(line.format("known: kind of copy", "checked", "found", "hashes", "not scanned", "distance",
                      "orientation", "action"))
    for kind, what in kinds.items():
        row = pictures[kind]
        span = f"{min(row.distances)}-{max(row.distances)}" if row.found else "-"
        print(line.format(what, row.checked, row.found, hashed[kind].found,
                          row.not_scanned.total() or "-", span, words(row.orientations),
                          words(row.actions)))
    print("found: by the uploaded picture; hashes: by its hashes only (--hash-only); "
          "distance: bits of 256")


def print_innocent(rows):
    print("\n{:<39} {:>7} {:>15} {:>11}".format("innocent photographs", "checked", "wrongly matched",
                                                "not scanned"))
    for what, row in rows.items():
        print("{:<39} {:>7} {:>15} {:>11}  {}".format(
            what, row.checked, len(row.wrong), row.not_scanned.total() or "-",
            words(row.not_scanned) if row.not_scanned else ""))


def print_missed(kinds, pictures):
    print("\nPlain PDQ missed:")
    for kind, what in kinds.items():
        if pictures[kind].missed:
            print(f"  {len(pictures[kind].missed)} of {pictures[kind].checked}  {what}")
    if not any(row.missed for row in pictures.values()):
        print("  nothing")


def broken_promises(must, pictures, hashed, innocent):
    for way, rows in (("", pictures), (" (hashes only)", hashed)):
        for kind in must:
            row = rows[kind]
            if row.checked == 0 or row.found < row.checked:
                yield f"{kind}: found {row.found} of {row.checked}{way}"
        for row in rows.values():
            yield from (f"{name}: matched the entry of another picture{way}" for name in row.wrong)
    for way, row in innocent.items():
        yield from (f"{name}: innocent, but matched ({way})" for name in row.wrong)
        if row.checked == row.not_scanned.total():
            yield f"no innocent photograph was scanned ({way})"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", required=True, help="`vigie list export`, JSON lines")
    parser.add_argument("--entry-of", help="only print the name of this picture's entry")
    parser.add_argument("--must", help="kinds that must be found, joined with commas")
    parser.add_argument("--edits", help="`vigie-bench edit --list`")
    parser.add_argument("--known", nargs=2, help="verdicts on pictures, on hashes only")
    parser.add_argument("--innocent", nargs=2, help="verdicts on pictures, on hashes only")
    options = parser.parse_args()

    entries = {stem_and_kind(entry["external_reference"])[0]: entry["entry"]
               for entry in read(options.entries)}
    if options.entry_of:
        print(entries[stem_and_kind(options.entry_of)[0]])
        return 0

    pictures, hashed = (rows_by_kind(read(path), entries) for path in options.known)
    innocent = dict(zip(("uploaded", "hashes only"), (Row(), Row())))
    for row, path in zip(innocent.values(), options.innocent):
        for line in read(path):
            row.add(line["filename"], line["verdict"], None)
    with open(options.edits, encoding="utf-8") as lines:
        kinds = {"original": "the original"} | dict(line.strip().split(maxsplit=1) for line in lines)
    kinds = {kind: what for kind, what in kinds.items() if kind in pictures}

    print_known(kinds, pictures, hashed)
    print_innocent(innocent)
    print_missed(kinds, pictures)
    broken = list(broken_promises(options.must.split(","), pictures, hashed, innocent))
    for promise in broken:
        print(f"demo: {promise}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
