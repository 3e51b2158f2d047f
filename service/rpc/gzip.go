package rpc

import (
	"bytes"
	"io"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectgzip"
)

// A gzipCompressor measures the size of an inflated message before it
// inflates it. connecthttp stops at the limit as well, but its buffer doubles
// as it grows and needs several times the limit.
type gzipCompressor struct {
	*connectgzip.Compressor
	limit int
}

func newGzip(limit int) connect.Compressor { return &gzipCompressor{connectgzip.New(), limit} }

// maxRatio is the largest ratio of DEFLATE's output to its input: two bits
// can represent 258 bytes (RFC 1951, section 3.2.5).
const maxRatio = 1032

// Decompress implements [connect.Compressor].
func (g *gzipCompressor) Decompress(src io.Reader) (io.ReadCloser, error) {
	compressed, err := readAll(src)
	if err != nil {
		return nil, err
	}
	if len(compressed) > g.limit/maxRatio {
		if err := g.check(compressed); err != nil {
			return failedReader{err}, nil // an error from Read keeps its code
		}
	}
	return g.Compressor.Decompress(bytes.NewReader(compressed))
}

// check returns an error if compressed inflates to more than the limit.
func (g *gzipCompressor) check(compressed []byte) error {
	r, err := g.Compressor.Decompress(bytes.NewReader(compressed))
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	switch n, err := io.Copy(io.Discard, io.LimitReader(r, int64(g.limit)+1)); {
	case err != nil:
		return err
	case n > int64(g.limit):
		return connect.Errorf(connect.CodeResourceExhausted, "a request message inflates to more than %d bytes", g.limit)
	}
	return nil
}

// A failedReader returns its error from every Read.
type failedReader struct{ err error }

func (r failedReader) Read([]byte) (int, error) { return 0, r.err }

func (failedReader) Close() error { return nil }
