// Package conformance checks the statements in docs/events.md. Each row of the
// tables there is a check that runs through the whole stack: from an HTTP client
// through the emulator's front door of each event source to a function process and
// back. The package has only tests. To write the results of the checks to
// docs/events.md and README.md, run
//
//	go test ./lambda/conformance -update
package conformance
