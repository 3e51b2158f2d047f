// Package emulator is the Lambda Runtime API on a laptop. [Start] runs a real
// function binary as a child process and feeds it events the way Lambda does,
// with Lambda's limits, deadlines, freezes and restarts. Package frontdoor puts
// one of Lambda's HTTP event sources in front of it.
//
// A [Function] is one execution environment: it neither scales out nor limits
// memory or CPU, and it isolates nothing. External extensions, the Telemetry
// API and SnapStart are left out. It runs on Linux and macOS.
package emulator
