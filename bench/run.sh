#!/bin/sh
# Runs all benchmarks in two runs of three rounds, and writes the report: make
# bench. With -short each run has one quick round, and the report is in dist/bench.
set -eu
cd "$(dirname "$0")/.."
rounds=3 flags='-test.benchtime 100ms' report=
case "${1:-}" in
'') ;;
-short) rounds=1 flags='-test.benchtime 20ms -test.short' report="-out $PWD/dist/bench" ;;
*)
  echo "run.sh: $1: want -short or nothing" >&2
  exit 2
  ;;
esac

mkdir -p dist/bench
raw=$PWD/dist/bench.txt
bench=$PWD/dist/bench/bench.test
go test -c -o "$bench" ./bench
make -s build-lambda-zip ARCH=arm64 >/dev/null

# The environment, as configuration lines of the benchmark format.
{
  echo "date: $(date -u +%F)"
  echo "commit: $(git describe --always --dirty --abbrev=12 --exclude='*')"
  echo "go: $(go env GOVERSION)"
  echo "cpus: $(getconf _NPROCESSORS_ONLN)"
  echo "system: $(uname -sr)"
  echo "modules: $(go list -m -f '{{.Path}} {{.Version}}' google.golang.org/grpc google.golang.org/protobuf \
    github.com/grpc-ecosystem/grpc-gateway/v2 github.com/aws/aws-lambda-go github.com/awslabs/aws-lambda-go-api-proxy \
    connectrpc.com/connect/v2 | paste -sd, - | sed 's|,|, |g')"
  echo "zip: $(wc -c <dist/lambda-arm64.zip)"
  echo "rounds: 2 runs of $rounds rounds"
} >"$raw"

for run in 1 2; do
  for round in $(seq $rounds); do
    echo "run $run of 2, round $round of $rounds"
    printf '\nrun: %s\nround: %s\n' "$run" "$round" >>"$raw"
    # shellcheck disable=SC2086 # several flags
    (cd bench && "$bench" -test.run '^$' -test.bench . $flags) >>"$raw" || { tail -n 20 "$raw" && exit 1; }
    go test -C bench/grpchan -run '^$' -bench . -benchtime 100ms >>"$raw"
  done
done
# shellcheck disable=SC2086
go run -C bench/report . $report "$raw"
