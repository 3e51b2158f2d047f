package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"time"
)

// A sender sends requests once they are complete. Signing needs the hash of the
// body, and Lambda does not start a function earlier.
type sender struct {
	client *http.Client
	sign   func(ctx context.Context, r *http.Request, body []byte) error // may be nil
}

// Do implements connecthttp.HTTPClient.
func (s *sender) Do(r *http.Request) (*http.Response, error) {
	if s.sign != nil || r.ContentLength < 0 {
		body, err := readBody(r)
		if err != nil {
			return nil, err
		}
		r.ContentLength = int64(len(body))
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		if r.Body, err = r.GetBody(); err != nil {
			return nil, err
		}
		if s.sign != nil {
			if err := s.sign(r.Context(), r, body); err != nil {
				return nil, fmt.Errorf("client: signing: %w", err)
			}
		}
	}
	response, err := s.client.Do(r)
	if err == nil && response.ProtoMajor < 2 {
		// connecthttp refuses bidirectional streams over HTTP/1.1. They work here,
		// since they are half duplex.
		response.ProtoMajor, response.ProtoMinor = 2, 0
	}
	return response, err
}

// readBody reads the body, at most until the request's context ends.
func readBody(r *http.Request) ([]byte, error) {
	if r.ContentLength < 0 { // a pipe, whose writer may never close it
		defer context.AfterFunc(r.Context(), func() { _ = r.Body.Close() })()
	}
	body, err := io.ReadAll(r.Body)
	_ = r.Body.Close()
	if cause := r.Context().Err(); cause != nil {
		return nil, cause
	}
	return body, err
}

// WithSigner makes the Conn sign each request with AWS Signature Version 4, which
// function URLs and APIs with IAM authorization require. sign is the method
// SignHTTP of a Signer from github.com/aws/aws-sdk-go-v2/aws/signer/v4.
// credentials is the method Retrieve of a credentials provider of the SDK. service
// is "lambda" for a function URL and "execute-api" for an API:
//
//	client.WithSigner(v4.NewSigner().SignHTTP, cfg.Credentials.Retrieve, "lambda", cfg.Region)
func WithSigner[C, O any](
	sign func(ctx context.Context, credentials C, r *http.Request, payloadHash, service, region string, at time.Time, options ...func(*O)) error,
	credentials func(context.Context) (C, error),
	service, region string,
) Option {
	return func(c *Conn) {
		c.sender.sign = func(ctx context.Context, r *http.Request, body []byte) error {
			found, err := credentials(ctx)
			if err != nil {
				return err
			}
			hash := sha256.Sum256(body)
			return sign(ctx, found, r, hex.EncodeToString(hash[:]), service, region, time.Now())
		}
	}
}
