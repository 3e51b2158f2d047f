// Package emulator implements the Lambda Runtime API on a local machine. [Start]
// runs a real function binary as a child process and sends it events as Lambda
// does, with Lambda's limits, deadlines, freezes and restarts. Package frontdoor
// puts one of Lambda's HTTP event sources in front of it.
//
// A [Function] is one execution environment. It does not scale out, does not
// limit memory or CPU, and isolates nothing. External extensions, the Telemetry
// API and SnapStart are not supported. It runs on Linux and macOS.
package emulator
