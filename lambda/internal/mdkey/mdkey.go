// Package mdkey chooses keys of gRPC metadata.
package mdkey

import "strings"

// For returns key, with -bin appended if the value is not [Plain].
func For(key, value string) string {
	if Plain(value) {
		return key
	}
	return key + "-bin"
}

// Plain reports whether gRPC carries value unchanged under a key without -bin: it
// is printable ASCII, and neither begins nor ends with a space.
func Plain(value string) bool {
	for i := range len(value) {
		if value[i] < ' ' || value[i] > '~' {
			return false
		}
	}
	return strings.TrimSpace(value) == value
}
