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

// pieceBytes is the maximum size of the pieces in which a streamed response is
// read and sent.
const pieceBytes = 32 << 10

// maxInvocation is Lambda's maximum duration of an invocation.
const maxInvocation = 15 * time.Minute

// streamPost is a streamed response that is being posted. It keeps the beginning
// of the response until a reply comes, to post it again over a new connection if
// the first one is dead.
type streamPost struct {
	w           *worker
	inv         *invocation
	contentType string

	out    *bufio.Writer
	chunks io.WriteCloser
	sent   []byte // the response so far; nil if it is longer than what is kept
	again  bool   // this is the second time
}

// postStream posts a response while it reads r. The connection is not used again,
// since the API may have stopped reading it. An aborted response does not end
// Serve, because the worker then asks for the next invocation, which shows whether
// the API can be reached.
func (w *worker) postStream(inv *invocation, contentType string, r io.Reader) error {
	piece := make([]byte, pieceBytes)
	n, end, failed := w.readPiece(r, piece)
	if failed != nil && n == 0 {
		return w.postFailure(inv, failed) // nothing is posted yet
	}
	inv.streaming = true
	defer w.hangUp()
	s := &streamPost{w: w, inv: inv, contentType: contentType, sent: append([]byte{}, piece[:n]...)}
	err := s.start()
	for total := n; err == nil && !end && failed == nil; total += n {
		n, end, failed = w.readPiece(r, piece)
		if n > maxStreamBytes-total {
			n, failed = maxStreamBytes-total, errTooLong(maxStreamBytes)
		}
		err = s.write(piece[:n])
	}
	if failed != nil {
		w.client.logFailure(inv, failed)
	}
	if err == nil {
		err = s.finish(failed)
	}
	if err != nil && !isStatus(err) {
		w.client.logLost(inv, "response", err)
		err = nil
	}
	return errors.Join(err, w.client.exit(failed))
}

// start sends the head and s.sent. It tries again over a new connection.
func (s *streamPost) start() error {
	if err := s.begin(); err != nil {
		return s.resend(err)
	}
	return nil
}

// write sends a piece.
func (s *streamPost) write(piece []byte) error {
	if s.sent != nil {
		s.sent = append(s.sent, piece...)
	}
	if len(s.sent) > pieceBytes {
		s.sent = nil
	}
	if err := s.send(piece); err != nil {
		return s.resend(err)
	}
	return nil
}

// finish sends the end and takes the API's reply.
func (s *streamPost) finish(failed *failure) error {
	err := s.end(failed)
	if err == nil || isStatus(err) {
		return err
	}
	if err = s.resend(err); err == nil {
		err = s.end(failed)
	}
	return err
}

// resend sends the response so far over a new connection, if the first connection
// failed with err and no reply came on it. Otherwise it returns err.
func (s *streamPost) resend(err error) error {
	if c := s.w.conn; c != nil {
		c.bound(time.Now().Add(s.w.client.timing.late)) // a reply has been sent, or never will be
		refused := s.w.takeReply(s.inv, "response")
		if isStatus(refused) {
			return errors.Join(err, refused)
		}
		if c.began {
			return err
		}
	}
	if s.sent == nil || s.again {
		return err
	}
	s.again = true
	s.w.hangUp()
	return s.begin()
}

// readPiece reads until there is data, the end or an error.
func (w *worker) readPiece(r io.Reader, piece []byte) (n int, end bool, failed *failure) {
	failed = w.protect(func() error {
		for range 100 { // as many as bufio's reader
			k, err := r.Read(piece)
			if k < 0 || k > len(piece) {
				return errors.New("the reader of the answer returned a number of bytes that it cannot have read")
			}
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

// begin sends the head and s.sent on the current connection.
func (s *streamPost) begin() error {
	if err := s.w.connect(); err != nil {
		return err
	}
	c := s.w.conn
	c.begin(http.MethodPost, s.inv.path("response"))
	c.header("Content-Type", s.contentType)
	c.header(headerResponseMode, "streaming")
	c.header("Transfer-Encoding", "chunked")
	c.header("Trailer", headerErrorType+", "+headerErrorBody)
	c.out = append(c.out, "\r\n"...)
	c.ready()
	// The client may read the response slowly until the invocation's deadline.
	c.bound(time.Now().Add(s.w.client.timing.reply + min(max(0, time.Until(s.inv.deadline)), maxInvocation)))
	s.out = bufio.NewWriterSize(c.Conn, pieceBytes+4<<10)
	s.chunks = httputil.NewChunkedWriter(s.out)
	_, _ = s.out.Write(c.out) // send returns the writer's error
	return s.send(s.sent)
}

// send sends a piece as a chunk.
func (s *streamPost) send(piece []byte) error {
	if len(piece) > 0 { // an empty chunk is the end
		if _, err := s.chunks.Write(piece); err != nil {
			return err
		}
	}
	return s.out.Flush()
}

// end sends the end of the response, with trailers if it failed, and reads the
// reply.
func (s *streamPost) end(failed *failure) error {
	if err := s.chunks.Close(); err != nil {
		return err
	}
	if failed != nil {
		fmt.Fprintf(s.out, "%s: %s\r\n%s: %s\r\n", headerErrorType, failed.headerType(),
			headerErrorBody, base64.StdEncoding.EncodeToString(failed.trailer()))
	}
	_, _ = s.out.WriteString("\r\n") // Flush returns its error
	if err := s.out.Flush(); err != nil {
		return err
	}
	s.w.conn.bound(time.Now().Add(s.w.client.timing.reply))
	return s.w.takeReply(s.inv, "response")
}

// trailer returns the failure in JSON for a trailer. It cuts the message and the
// stack, since HTTP servers take only about 4 KB.
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
