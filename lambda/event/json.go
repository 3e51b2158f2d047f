package event

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// parser reads one JSON text (RFC 8259) in one pass. It returns slices of the
// text where it can: most strings in an event have no escapes and need no copy.
//
// It accepts every valid JSON text and decodes strings as encoding/json does. It
// does not validate values that it skips, so it accepts some invalid texts. The
// first error sticks; after it every method returns the zero value.
type parser struct {
	s   string
	at  string // the name of the text in errors, if it is a part of an event
	i   int
	err error
}

// fail records a syntax error and stops the parser.
func (p *parser) fail(expected string) {
	if p.err == nil {
		p.err = p.syntaxError(expected)
	}
	p.i = len(p.s)
}

func (p *parser) syntaxError(expected string) error {
	if p.at != "" {
		return fmt.Errorf("invalid JSON in %q: expected %s", p.at, expected)
	}
	return fmt.Errorf("invalid JSON at offset %d: expected %s", p.i, expected)
}

// A typeError reports a value of the wrong type.
type typeError struct {
	at, path    string // a part of the event, and the keys from there
	found, want string
}

func (e *typeError) Error() string {
	return fmt.Sprintf("%q is %s, not %s", strings.Trim(e.at+"."+e.path, "."), e.found, e.want)
}

// mismatch records an error about the next value, which has the wrong type or is
// not JSON, and stops the parser.
func (p *parser) mismatch(want string) {
	found := p.kind()
	if found == "" {
		p.fail(want)
		return
	}
	if p.err == nil {
		p.err = &typeError{at: p.at, found: found, want: want}
	}
	p.i = len(p.s)
}

// locate adds the key of a value to the error about it.
func (p *parser) locate(key string) {
	if e, ok := errors.AsType[*typeError](p.err); ok {
		e.path = strings.TrimSuffix(clip(key)+"."+e.path, ".")
	}
}

// kind returns the type of the next value with its article, by the value's first
// byte. It returns "" if no value begins with that byte.
func (p *parser) kind() string {
	switch c := p.peek(); {
	case c == '{':
		return "an object"
	case c == '[':
		return "an array"
	case c == '"':
		return "a string"
	case c == 't' || c == 'f':
		return "a boolean"
	case c == 'n':
		return "null"
	case c == '-' || '0' <= c && c <= '9':
		return "a number"
	}
	return ""
}

// peek returns the next byte that is not white space, or 0 at the end.
func (p *parser) peek() byte {
	for p.i < len(p.s) {
		switch c := p.s[p.i]; c {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return c
		}
	}
	return 0
}

func (p *parser) consume(c byte) bool {
	if p.peek() != c {
		return false
	}
	p.i++
	return true
}

// null consumes a null and reports whether there was one.
func (p *parser) null() bool {
	if p.peek() != 'n' || !strings.HasPrefix(p.s[p.i:], "null") {
		return false
	}
	p.i += len("null")
	return true
}

// object reads an object and calls field for each member. field must read exactly
// one value. object accepts null as an object without members.
func (p *parser) object(field func(key string)) {
	if p.null() {
		return
	}
	if !p.consume('{') {
		p.mismatch("an object")
		return
	}
	if p.consume('}') {
		return
	}
	for p.err == nil {
		key := p.quoted()
		if !p.consume(':') {
			p.fail("a colon")
			return
		}
		field(key)
		if p.err != nil {
			p.locate(key)
			return
		}
		if p.consume(',') {
			continue
		}
		if !p.consume('}') {
			p.fail("a comma or the end of an object")
		}
		return
	}
}

// array reads an array and calls element for each element. element must read
// exactly one value. array accepts null as an array without elements.
func (p *parser) array(element func()) {
	if p.null() {
		return
	}
	if !p.consume('[') {
		p.mismatch("an array")
		return
	}
	if p.consume(']') {
		return
	}
	for p.err == nil {
		element()
		if p.consume(',') {
			continue
		}
		if !p.consume(']') {
			p.fail("a comma or the end of an array")
		}
		return
	}
}

// text reads a string, or the text of a number, true or false. It returns "" for
// null.
func (p *parser) text() string {
	switch p.peek() {
	case '"':
		return p.quoted()
	case '{', '[':
		p.mismatch("a string")
		return ""
	}
	if p.null() {
		return ""
	}
	return p.literal()
}

// boolean reads true, false or null, which is false.
func (p *parser) boolean() bool {
	start := p.i
	switch p.text() {
	case "true":
		return true
	case "false", "":
		return false
	}
	if p.err == nil {
		p.i = start
		p.mismatch("true or false")
	}
	return false
}

// raw returns the JSON text of the next value, or "" for null.
func (p *parser) raw() string {
	if p.null() {
		return ""
	}
	start := p.i
	p.skip()
	return p.s[start:p.i]
}

// skip skips one value. It counts brackets instead of calling itself, so no depth
// of nesting can exhaust the stack.
func (p *parser) skip() {
	depth := 0
	for {
		switch p.peek() {
		case '"':
			p.skipQuoted()
		case '{', '[':
			p.i++
			depth++
		case '}', ']':
			if depth == 0 {
				p.fail("a value")
				return
			}
			p.i++
			depth--
		case ',', ':':
			if depth == 0 {
				p.fail("a value")
				return
			}
			p.i++
			continue
		default:
			p.literal()
		}
		if depth == 0 || p.err != nil {
			return
		}
	}
}

// skipFilled skips one value and reports whether it contains a number, true,
// false, or a string that is not empty, at any depth.
func (p *parser) skipFilled() (filled bool) {
	p.peek()
	start := p.i
	p.skip()
	inner := parser{s: p.s[start:p.i]}
	for {
		switch c := inner.peek(); c {
		case 0:
			return false
		case '"':
			from := inner.i
			inner.skipQuoted()
			filled := inner.i > from+len(`""`)
			if isKey := inner.peek() == ':'; filled && !isKey {
				return true
			}
		case '{', '[', '}', ']', ',', ':':
			inner.i++
		default:
			if inner.literal() != "null" {
				return true
			}
		}
	}
}

// plainLen returns the number of bytes before the quote that ends s. It returns -1
// if there is an escape or a byte that is not ASCII before it, or if the quote is
// not near. Most strings of an event are so short that searches cost more than
// this loop.
func plainLen(s string) int {
	const near = 64
	for i := range min(len(s), near) {
		switch c := s[i]; {
		case c == '"':
			return i
		case c == '\\' || c >= utf8.RuneSelf:
			return -1
		}
	}
	return -1
}

// literal reads a number, true, false or null without checking its syntax.
func (p *parser) literal() string {
	p.peek()
	start := p.i
	for p.i < len(p.s) {
		c := p.s[p.i]
		if c <= ' ' || c == ',' || c == ']' || c == '}' || c == ':' || c == '"' || c == '[' || c == '{' {
			break
		}
		p.i++
	}
	if p.i == start {
		p.fail("a value")
	}
	return p.s[start:p.i]
}

// skipQuoted skips a string and reports whether it has escapes. Two searches are
// enough for the common string without escapes.
func (p *parser) skipQuoted() (escaped bool) {
	start := p.i + 1
	if n := plainLen(p.s[start:]); n >= 0 {
		p.i = start + n + 1
		return false
	}
	n := strings.IndexByte(p.s[start:], '"')
	if n < 0 {
		p.fail("the end of a string")
		return false
	}
	b := strings.IndexByte(p.s[start:start+n], '\\')
	if b < 0 {
		p.i = start + n + 1
		return false
	}
	for i := start + b; i < len(p.s); i++ {
		switch p.s[i] {
		case '\\':
			i++ // the escaped byte
		case '"':
			p.i = i + 1
			return true
		}
	}
	p.fail("the end of a string")
	return true
}

// quoted reads a string.
func (p *parser) quoted() string {
	if p.peek() != '"' {
		p.fail("a string")
		return ""
	}
	start := p.i + 1
	if n := plainLen(p.s[start:]); n >= 0 {
		p.i = start + n + 1
		return p.s[start : start+n]
	}
	escaped := p.skipQuoted()
	if p.err != nil {
		return ""
	}
	s := p.s[start : p.i-1]
	valid := utf8.ValidString(s)
	if !escaped && valid {
		return s
	}
	out, ok := unquote(s, valid, math.MaxInt-utf8.UTFMax)
	if !ok {
		p.fail("a valid escape sequence before it")
	}
	return string(out)
}
