package page

import (
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
	"github.com/lambda-grpc/lambda-grpc-gateway/local/server/internal/record"
)

// A detail has everything that the page shows of one call.
type detail struct {
	row
	Live              bool
	HTTP              string // the request line; empty for a gRPC listener
	Host, Client      string
	StatusCode        int
	Message           string
	Details           []text
	Request, Response []text
	RequestBody       text
	ResponseBody      text
	Headers           []field
	AnswerHeaders     []field
	Metadata          []field

	Sources []frontdoor.Source
	Source  frontdoor.Source // the source of the shown event
	Event   event
	CanSend bool
	Sent    *answer // nil until the event is sent
}

// A text is a named text on the page. Note says what is missing from it.
type text struct{ Name, Text, Note string }

// A field is a header or a key of metadata.
type field struct {
	Name   string
	Values []string
}

func (p *page) showCall(w http.ResponseWriter, r *http.Request) {
	if c, ok := p.find(w, r); ok {
		p.render(w, http.StatusOK, "call", "Call", p.detail(c, p.sourceOf(r)))
	}
}

// find returns the call that the request names. If there is none, it writes the
// response and returns false.
func (p *page) find(w http.ResponseWriter, r *http.Request) (record.Call, bool) {
	id, err := parseID(r)
	c, ok := p.Recorder.Call(id)
	if err != nil || !ok {
		p.render(w, http.StatusNotFound, "gone", "No such call", record.MaxCalls)
		return c, false
	}
	return c, true
}

func (p *page) detail(c record.Call, source frontdoor.Source) detail {
	d := detail{
		row: newRow(c), Live: c.Running,
		Message: c.Status.GetMessage(), Details: details(c.Status.GetDetails()),
		Request: messages(c.Request), Response: messages(c.Response),
		Metadata: fields(c.Metadata),
		Sources:  frontdoor.Sources(), Source: source,
	}
	if c.HTTP != nil {
		h := c.HTTP
		d.HTTP = h.Method + " " + maskTarget(h.Target) + " " + h.Proto
		d.Host, d.Client, d.StatusCode = h.Host, h.RemoteAddr, h.StatusCode
		d.RequestBody = bodyText(h.Body, h.Header.Get("Content-Type"))
		d.ResponseBody = bodyText(h.Answer, h.AnswerHeader.Get("Content-Type"))
		d.Headers, d.AnswerHeaders = fields(h.Header), fields(h.AnswerHeader)
	}
	if !c.Running {
		d.Event = p.event(c, source)
		d.CanSend = p.Events.Function != nil && d.Event.Problem == ""
	}
	return d
}

// fields lists headers or metadata in order, with secrets masked.
func fields(values map[string][]string) []field {
	shown := maskHeader(values)
	var all []field
	for _, name := range slices.Sorted(maps.Keys(shown)) {
		f := field{Name: name}
		for _, value := range shown[name] {
			if !utf8.ValidString(value) || strings.HasSuffix(name, "-bin") {
				value = fmt.Sprintf("%q", value)
			}
			f.Values = append(f.Values, value)
		}
		all = append(all, f)
	}
	return all
}

// messages returns the messages of one direction as JSON.
func messages(m record.Messages) []text {
	var all []text
	for i, data := range m.Data {
		var t text
		if m.Count > 1 {
			t.Name = fmt.Sprintf("Message %d", i+1)
		}
		message := m.Type.New().Interface()
		if err := proto.Unmarshal(data, message); err != nil {
			t.Note = err.Error()
		} else {
			t.Text, t.Note = jsonOf(message)
		}
		all = append(all, t)
	}
	if more := m.Count - len(m.Data); more > 0 {
		all = append(all, text{
			Name: fmt.Sprintf("%d more", more),
			Note: fmt.Sprintf("The first %d kB are kept; all %d messages have %s.", record.MaxPart>>10, m.Count, size(m.Size)),
		})
	}
	return all
}

func jsonOf(m proto.Message) (text, note string) {
	data, err := protojson.Marshal(m)
	if err != nil {
		return "", err.Error()
	}
	return indent(string(data)), ""
}

// details returns the details of a status as JSON.
func details(list []*anypb.Any) []text {
	var all []text
	for _, d := range list {
		t := text{Name: string(d.MessageName())}
		message, err := d.UnmarshalNew()
		if err != nil {
			t.Note = fmt.Sprintf("%d bytes: %v", len(d.GetValue()), err)
		} else {
			t.Text, t.Note = jsonOf(message)
		}
		all = append(all, t)
	}
	return all
}

// bodyText returns a body as text, as far as it was kept and is valid UTF-8.
func bodyText(b record.Body, contentType string) text {
	var t text
	mediaType, _, _ := mime.ParseMediaType(contentType)
	data := b.Data
	for i := 0; !b.Whole() && i < utf8.UTFMax && !utf8.Valid(data) && len(data) > 0; i++ {
		data = data[:len(data)-1] // removes a truncated rune
	}
	switch {
	case b.Size == 0:
		return t
	case !utf8.Valid(data):
		t.Note = fmt.Sprintf("%s of %s", size(b.Size), mediaType)
		return t
	case !b.Whole():
		t.Note = fmt.Sprintf("The first %d kB of %s.", record.MaxPart>>10, size(b.Size))
	}
	t.Text = indent(string(data))
	return t
}
