// Package runtimeapi is a client of the Lambda Runtime API: it runs a function
// written in Go on Lambda's OS-only runtimes.
package runtimeapi
