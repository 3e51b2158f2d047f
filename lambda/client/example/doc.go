// Package example shows package client with the AWS SDK for Go: calls that are
// signed for a function URL with IAM authorization, and calls that invoke a
// function without an endpoint. It is a separate module, so that the SDK is
// not a dependency of the client.
package example
