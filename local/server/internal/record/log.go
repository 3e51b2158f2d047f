package record

import (
	"bytes"
	"encoding/binary"
	"net/http"
)

// A part says what a text of a call is. In a header and in metadata, each name is
// one text and its value is the next.
type part byte

// The parts of a call.
const (
	partVerb part = iota
	partTarget
	partHost
	partProto
	partClient
	partRequestHeader
	partRequestBody
	partMethod
	partMetadata
	partRequestMessage
	partResponseMessage
	partResponseHeader
	partResponseTrailer // the header again, with the trailers
	partResponseBody
	parts
)

// A log has the texts of a call in the order in which they became known. Each one
// follows its part and its length. A log has no pointers that the garbage collector
// would have to follow.
type log []byte

// append appends a text, or its first MaxPart bytes.
func (l log) append(p part, text string) log {
	text = text[:min(len(text), MaxPart)]
	return append(l.start(p, len(text)), text...)
}

// start begins a text, which the caller appends. length is at most MaxPart.
func (l log) start(p part, length int) log {
	return binary.LittleEndian.AppendUint16(append(l, byte(p)), uint16(length))
}

// endsWith reports whether a text of a part begins at from and is the last one.
func (l log) endsWith(p part, from int) bool {
	return part(l[from]) == p && from+textOverhead+int(binary.LittleEndian.Uint16(l[from+1:])) == len(l)
}

// extend appends to the last text, which begins at from.
func (l log) extend(from int, more []byte) log {
	l = append(l, more...)
	binary.LittleEndian.PutUint16(l[from+1:], uint16(len(l)-from-textOverhead))
	return l
}

// appendHeader appends a header or metadata, or as much of it as fits into MaxPart.
func (l log) appendHeader(p part, values map[string][]string) log {
	size := 0
	for name, list := range values {
		for _, value := range list {
			size += len(name) + len(value) + pairOverhead
			if size > MaxPart {
				return l.append(p, Cut).append(p, "more than is kept")
			}
			l = l.append(p, name).append(p, value)
		}
	}
	return l
}

const (
	textOverhead = 3 // bytes of a text's part and length
	pairOverhead = 2 * textOverhead
)

// texts are the texts of each part.
type texts [parts][][]byte

// split returns the texts, which share the memory of l.
func (l log) split() texts {
	var t texts
	for len(l) > 0 {
		p, end := l[0], textOverhead+int(binary.LittleEndian.Uint16(l[1:]))
		t[p] = append(t[p], l[textOverhead:end:end])
		l = l[end:]
	}
	return t
}

// text returns the text of a part, or "".
func (t *texts) text(p part) string { return string(bytes.Join(t[p], nil)) }

// header returns a header or metadata.
func (t *texts) header(p part) http.Header {
	h := http.Header{}
	for rest := t[p]; len(rest) > 0; rest = rest[2:] {
		name := string(rest[0])
		h[name] = append(h[name], string(rest[1]))
	}
	return h
}
