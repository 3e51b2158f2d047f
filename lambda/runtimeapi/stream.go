package runtimeapi

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"time"
)

// pieceBytes is how much of a streamed answer is read and sent at once.
const pieceBytes = 32 << 10

// streamPost is a streamed answer that is being posted.
type streamPost struct {
	c      *conn
	out    *bufio.Writer
	chunks io.WriteCloser
}

// postStream posts what r gives as it comes. The connection is not used again:
// the API may have stopped reading it. An answer that breaks off does not end
// Serve: the call of next that follows tells whether the API is there.
func (w *worker) postStream(inv *invocation, contentType string, r io.Reader) error {
	piece := make([]byte, pieceBytes)
	n, end, failed := w.readPiece(r, piece)
	if failed != nil && n == 0 {
		return w.postFailure(inv, failed) // nothing is posted yet
	}
	inv.streaming = true
	defer w.hangUp()
	s, err := w.beginStream(inv, contentType, piece[:n])
	if err != nil {
		return fmt.Errorf("runtimeapi: posting the response of invocation %s: %w", inv.id, err)
	}
	whole := end || failed != nil // in one piece, which can be posted again
	for total := n; err == nil && !end && failed == nil; total += n {
		n, end, failed = w.readPiece(r, piece)
		if n > MaxStreamBytes-total {
			n, failed = MaxStreamBytes-total, errTooLong(MaxStreamBytes)
		}
		err = s.write(piece[:n])
	}
	if err == nil {
		err = s.end(failed)
	}
	if failed != nil {
		w.client.logFailure(inv, failed)
	}
	err = w.streamReply(inv, err)
	if err != nil && whole && !s.c.began && !isStatus(err) {
		w.hangUp()
		if s, err = w.beginStream(inv, contentType, piece[:n]); err == nil {
			err = w.streamReply(inv, s.end(failed))
		}
	}
	if err != nil && !isStatus(err) {
		w.client.log.Error("runtimeapi: the response broke off", "request_id", inv.id, "error", err)
		err = nil
	}
	return errors.Join(err, w.client.exit(failed))
}

// readPiece reads once, or until there is something.
func (w *worker) readPiece(r io.Reader, piece []byte) (n int, end bool, failed *failure) {
	failed = w.protect(func() error {
		for range 100 { // as many as bufio's reader
			k, err := r.Read(piece)
			n = k
			if errors.Is(err, io.EOF) {
				end = true
				return nil
			}
			if k > 0 || err != nil {
				return err
			}
		}
		return io.ErrNoProgress
	})
	return n, end, failed
}

// beginStream sends the head and the first piece, a second time over a new
// connection if nothing came back on the first.
func (w *worker) beginStream(inv *invocation, contentType string, first []byte) (*streamPost, error) {
	var err error
	for range 2 {
		if err = w.connect(); err != nil {
			continue
		}
		c := w.conn
		c.begin(http.MethodPost, inv.path("response"))
		c.header("Content-Type", contentType)
		c.header(headerResponseMode, "streaming")
		c.header("Transfer-Encoding", "chunked")
		c.header("Trailer", headerErrorType+", "+headerErrorBody)
		c.out = append(c.out, "\r\n"...)
		if err = c.ready(); err == nil {
			c.bound(w.replyBy(inv))
			s := &streamPost{c: c, out: bufio.NewWriterSize(c.Conn, pieceBytes+4<<10)}
			s.chunks = httputil.NewChunkedWriter(s.out)
			_, _ = s.out.Write(c.out) // Flush returns its error
			if err = s.write(first); err == nil {
				return s, nil
			}
		}
		w.hangUp()
	}
	return nil, err
}

// write sends a piece.
func (s *streamPost) write(piece []byte) error {
	if len(piece) > 0 {
		if _, err := s.chunks.Write(piece); err != nil {
			return err
		}
	}
	return s.out.Flush()
}

// end sends the end of the answer, with trailers if it failed.
func (s *streamPost) end(failed *failure) error {
	if err := s.chunks.Close(); err != nil {
		return err
	}
	if failed != nil {
		fmt.Fprintf(s.out, "%s: %s\r\n%s: %s\r\n", headerErrorType, failed.headerType(),
			headerErrorBody, base64.StdEncoding.EncodeToString(failed.trailer()))
	}
	_, _ = s.out.WriteString("\r\n") // Flush returns its error
	return s.out.Flush()
}

// streamReply reads what the API says to the answer, also to one that it
// stopped reading, which broke with an error.
func (w *worker) streamReply(inv *invocation, broken error) error {
	if broken != nil {
		w.conn.bound(time.Now().Add(w.client.timing.lastCall)) // it has been said, or never will be
	}
	err := w.takeReply(inv, "response")
	if err == nil { // the API has said what it thinks of the answer
		return nil
	}
	return errors.Join(broken, err)
}

// trailer is the failure as the document of a trailer, which HTTP servers take
// to about 4 KB only: with the beginning of the message and of the stack.
func (f *failure) trailer() []byte {
	const mostMessage, most = 1 << 10, 2 << 10
	short := *f
	if len(short.Message) > mostMessage {
		short.Message = short.Message[:mostMessage]
	}
	out := short.document()
	for len(out) > most && len(short.StackTrace) > 0 {
		short.StackTrace = short.StackTrace[:len(short.StackTrace)/2]
		out = short.document()
	}
	return out
}
