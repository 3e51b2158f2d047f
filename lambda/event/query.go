package event

import (
	"net/url"
	"strings"
)

// queryForm says whether the parameters of an event are decoded.
type queryForm bool

const (
	encodedQuery queryForm = false // as the client sent them
	decodedQuery queryForm = true
)

// readQuery returns the query string of an event's parameters. It reads multi,
// the object of lists, or single if multi is absent. Parameters and their values
// keep the event's order.
//
// The event does not distinguish key from key=; both become key=.
func readQuery(single, multi string, form queryForm) (string, error) {
	p := parser{s: single, at: "queryStringParameters"}
	if multi != "" {
		p = parser{s: multi, at: "multiValueQueryStringParameters"}
	}
	if p.s == "" {
		return "", nil
	}
	var query strings.Builder
	query.Grow(len(p.s))
	p.object(func(key string) {
		if form == decodedQuery {
			key = url.QueryEscape(key)
		}
		value := func() {
			v := p.text()
			if form == decodedQuery {
				v = url.QueryEscape(v)
			}
			if query.Len() > 0 {
				query.WriteByte('&')
			}
			query.WriteString(key)
			query.WriteByte('=')
			query.WriteString(v)
		}
		if p.peek() == '[' {
			p.array(value)
			return
		}
		value()
	})
	return query.String(), p.err
}
