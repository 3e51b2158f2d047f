package service

import (
	"maps"
	"mime"
	"net/http"
	"strings"

	"google.golang.org/protobuf/proto"
)

// eventStreamType is the media type of server-sent events, defined in
// https://html.spec.whatwg.org/multipage/server-sent-events.html.
const eventStreamType = "text/event-stream"

// eventStream writes the messages of a server stream as events, for clients
// that accept eventStreamType, and everything else as JSON. The data of an
// event is the message. A failure in mid-stream is the last event, of type
// "error", with the google.rpc.Status as its data.
type eventStream struct{ *jsonMarshaler }

// ContentType implements runtime.Marshaler.
func (e eventStream) ContentType(v any) string {
	if _, isChunk := chunkError(v); isChunk {
		return eventStreamType
	}
	return e.jsonMarshaler.ContentType(v)
}

// StreamContentType implements runtime.StreamContentType.
func (eventStream) StreamContentType(any) string { return eventStreamType }

// Marshal implements runtime.Marshaler. The mux passes it each chunk of a
// stream as a map with one key, and writes a newline after the chunk.
func (e eventStream) Marshal(v any) ([]byte, error) {
	var event string
	if chunk, ok := v.(map[string]any); ok && len(chunk) == 1 {
		if message, ok := chunk["result"]; ok {
			event, v = "data: ", message
		}
	} else if failure, ok := chunkError(v); ok {
		event, v = "event: error\ndata: ", failure
	}
	data, err := e.jsonMarshaler.Marshal(v)
	if err != nil || event == "" {
		return data, err
	}
	return append(append([]byte(event), data...), '\n'), nil
}

func chunkError(v any) (proto.Message, bool) {
	chunk, _ := v.(map[string]proto.Message)
	failure, ok := chunk["error"]
	return failure, ok
}

// preferEventStream reduces the Accept header of r to eventStreamType if that
// comes first. The mux compares media types with the whole header.
func preferEventStream(r *http.Request) {
	first, more, _ := strings.Cut(r.Header.Get("Accept"), ",")
	if first == eventStreamType && more == "" || !strings.Contains(strings.ToLower(first), eventStreamType) {
		return
	}
	if mediaType, _, err := mime.ParseMediaType(first); err == nil && mediaType == eventStreamType {
		r.Header = maps.Clone(r.Header)
		r.Header["Accept"] = []string{eventStreamType}
	}
}
