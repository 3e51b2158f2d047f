package event

import (
	"net/url"
	"strings"
)

// queryForm says whether the parameters in an event are encoded.
type queryForm bool

const (
	encodedQuery queryForm = false // as the client sent them
	decodedQuery queryForm = true
)

// readQuery makes a query string of an event's parameters: of multi, the object
// that has lists of values, unless it is absent, and of single otherwise. The
// parameters stay in the event's order, and the values of one in theirs.
//
// A parameter without = cannot be told from one without a value here; both
// become the latter.
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
