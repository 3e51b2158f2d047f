// Package conformance holds the function to what docs/events.md says of it: each
// row of the tables there is a check that runs through the whole stack, from an
// HTTP client over the emulator's front door of each event source to a function
// process and back. It has no code but tests. With
//
//	go test ./lambda/conformance -update
//
// what the checks find is written to docs/events.md and README.md.
package conformance
