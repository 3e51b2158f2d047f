package function

import (
	"context"
	"errors"

	"github.com/aws/aws-lambda-go/lambda"
)

// serve calls handler with each event until SIGTERM or the end of ctx, then
// returns what shutdown returns, joined with the cause of ctx if it has one.
func serve(ctx context.Context, handler any, shutdown func() error) error {
	stopped := make(chan error, 1)
	go lambda.StartWithOptions(handler, lambda.WithEnableSIGTERM(func() { stopped <- shutdown() })) // never returns
	select {
	case err := <-stopped:
		return err
	case <-ctx.Done():
		err := shutdown()
		if cause := context.Cause(ctx); !errors.Is(cause, ctx.Err()) {
			err = errors.Join(cause, err)
		}
		return err
	}
}
