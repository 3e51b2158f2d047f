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

// A sender sends requests when they are complete: what signs them needs their
// hash, and Lambda does not begin earlier.
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
		// connecthttp refuses streams in both directions over HTTP/1.1, which here
		// are half duplex.
		response.ProtoMajor, response.ProtoMinor = 2, 0
	}
	return response, err
}

// readBody reads the body until the end of the request's context at most.
func readBody(r *http.Request) ([]byte, error) {
	if r.ContentLength < 0 { // a pipe, whose other side may never end
		defer context.AfterFunc(r.Context(), func() { _ = r.Body.Close() })()
	}
	body, err := io.ReadAll(r.Body)
	_ = r.Body.Close()
	if cause := r.Context().Err(); cause != nil {
		return nil, cause
	}
	return body, err
}

// WithSigner signs each request with AWS Signature Version 4, as function URLs
// and APIs with IAM authorization require. sign is SignHTTP of a Signer from
// github.com/aws/aws-sdk-go-v2/aws/signer/v4, credentials is Retrieve of the
// SDK's credentials provider. The service is "lambda" for a function URL and
// "execute-api" for an API:
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
