package event

import (
	"context"
	"iter"
)

// Metadata yields [Info.Metadata] of the event that the request with ctx came
// from, and nothing without one. It has the form that
// service.WithTrustedMetadata takes.
func Metadata(ctx context.Context) iter.Seq2[string, string] {
	info, _ := FromContext(ctx)
	return info.Metadata()
}
