// Package frontdoor emulates Lambda's HTTP event sources, such as API Gateway, in
// front of a function of package emulator. [New] returns the handler for one
// source. The handler turns each HTTP request into an event and the function's
// response into an HTTP response, as that source does.
//
// It follows AWS's documentation and captured events, including limits and error
// responses. Routing, throttling, caching and TLS are not supported.
package frontdoor
