#!/bin/sh
# Compares the function of this tree with that of another commit; the two run in
# turns: bench/compare.sh REF, or make bench-compare. The exit code is 1 if an
# invocation takes significantly more CPU time, by more than 5%, and 2 if the
# comparison failed.
set -eu
ref=${1:-HEAD}
cd "$(dirname "$0")/.."
temp=$(mktemp -d)
status=2
finish() {
  git worktree remove --force "$temp/base" 2>/dev/null || true
  rm -rf "$temp"
  exit $status
}
trap finish EXIT
trap 'exit 2' INT TERM

git worktree add --quiet --detach "$temp/base" "$ref"
build=$(sed -n 's/^LAMBDA_BUILD := //p' "$temp/base/Makefile")
(cd "$temp/base" && CGO_ENABLED=0 sh -c "$build -o '$temp/bootstrap' ./lambda")
BENCH_BASE=$temp/bootstrap go test -timeout 20m -run '^$' -bench Build -benchtime 1x ./bench >"$temp/bench.txt" || {
  cat "$temp/bench.txt" >&2
  exit
}

# At the usual level of 0.05, one of four comparisons of equal trees would find
# a difference.
benchstat() {
  go tool -modfile=tools/lint/go.mod benchstat -alpha 0.001 -col /build -ignore /round \
    -filter .unit:busy-cpu-sec "$@" "$temp/bench.txt"
}
benchstat
benchstat -format csv >"$temp/bench.csv"

# A row is the name, two values with their intervals, the change, and p.
awk -F, -v ref="$ref" '
  $1 != "" && $1 != "geomean" && $2 != "" && $4 != "" && NF == 7 {
    compared++
    if ($6 + 0 > 5) { slower++; print $1 " takes " $6 " of CPU time (" $7 ")" }
  }
  END {
    if (!compared) { print "benchstat compared nothing"; exit 2 }
    print slower + 0 " of " compared " are slower than " ref " by more than 5%"
    exit slower > 0
  }' "$temp/bench.csv" && status=0 || status=$?
