package rpc

import (
	"bytes"
	"io"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectgzip"
)

// A gzipCompressor finds out how much a message inflates to before it lets it
// be done. connecthttp stops at the limit as well, but in a buffer that doubles
// as it grows, which needs several times the limit.
type gzipCompressor struct {
	*connectgzip.Compressor
	limit int
}

func newGzip(limit int) connect.Compressor { return &gzipCompressor{connectgzip.New(), limit} }

// maxRatio is how many times longer than its input the output of DEFLATE can
// be: 258 bytes take two bits (RFC 1951, section 3.2.5).
const maxRatio = 1032

// Decompress implements [connect.Compressor].
func (g *gzipCompressor) Decompress(src io.Reader) (io.ReadCloser, error) {
	compressed, err := readAll(src)
	if err != nil {
		return nil, err
	}
	if len(compressed) > g.limit/maxRatio {
		if err := g.check(compressed); err != nil {
			return failedReader{err}, nil // what Read returns keeps its code
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

// A failedReader returns its error to every Read.
type failedReader struct{ err error }

func (r failedReader) Read([]byte) (int, error) { return 0, r.err }

func (failedReader) Close() error { return nil }
