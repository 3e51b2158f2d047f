// Package frontdoor puts Lambda's HTTP event sources before a function of
// package emulator: HTTP goes in, events of a source come out, and answers go
// back as that source passes them on. [New] makes the handler for one source.
//
// It reproduces what AWS documents and what captured events show, limits and
// error responses included. Routing, throttling, caching and TLS are left out.
package frontdoor
