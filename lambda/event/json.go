package event

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// parser reads one JSON text (RFC 8259) in one pass, handing out pieces of the
// text it was given: an event is mostly strings without escapes, and none of
// those is copied again.
//
// It accepts every valid JSON text and agrees with encoding/json on what its
// strings are. What it does not need it steps over without judging it, so some
// invalid texts pass. The first error sticks; after it every method returns
// the zero value.
type parser struct {
	s   string
	i   int
	err error
}

func (p *parser) fail(expected string) {
	if p.err == nil {
		p.err = fmt.Errorf("invalid JSON at offset %d: expected %s", p.i, expected)
	}
	p.i = len(p.s)
}

// peek returns the next byte that is not white space, and 0 at the end.
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

// null steps over a null, if that is what comes next.
func (p *parser) null() bool {
	if p.peek() != 'n' || !strings.HasPrefix(p.s[p.i:], "null") {
		return false
	}
	p.i += len("null")
	return true
}

// object calls field for each member, which must read exactly one value. A
// null is an object without members.
func (p *parser) object(field func(key string)) {
	if p.null() {
		return
	}
	if !p.consume('{') {
		p.fail("an object")
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
		if p.consume(',') {
			continue
		}
		if !p.consume('}') {
			p.fail("a comma or the end of an object")
		}
		return
	}
}

// array calls element for each element, which must read exactly one value. A
// null is an array without elements.
func (p *parser) array(element func()) {
	if p.null() {
		return
	}
	if !p.consume('[') {
		p.fail("an array")
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

// text reads a string, or the text of a number, true or false; null is empty.
func (p *parser) text() string {
	switch p.peek() {
	case '"':
		return p.quoted()
	case '{', '[':
		p.fail("a string")
		return ""
	}
	if p.null() {
		return ""
	}
	return p.literal()
}

// boolean reads true, false or null.
func (p *parser) boolean() bool {
	switch p.text() {
	case "true":
		return true
	case "false", "":
		return false
	}
	p.fail("true or false")
	return false
}

// raw returns the text of the next value as it stands, and nothing for null.
func (p *parser) raw() string {
	if p.null() {
		return ""
	}
	start := p.i
	p.skip()
	return p.s[start:p.i]
}

// skip steps over one value. It counts brackets instead of calling itself, so
// that no depth of nesting can exhaust the stack.
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

// literal reads a number, true, false or null, whose form it does not check.
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

// skipQuoted steps over a string and reports whether it has escapes.
func (p *parser) skipQuoted() (escaped bool) {
	i := p.i + 1
	for {
		n := strings.IndexByte(p.s[i:], '"')
		if n < 0 {
			p.fail("the end of a string")
			return escaped
		}
		b := strings.IndexByte(p.s[i:i+n], '\\')
		if b < 0 {
			p.i = i + n + 1
			return escaped
		}
		escaped = true
		i += b + 2 // past the backslash and what it escapes
		if i > len(p.s) {
			p.fail("the end of a string")
			return escaped
		}
	}
}

// quoted reads a string.
func (p *parser) quoted() string {
	if p.peek() != '"' {
		p.fail("a string")
		return ""
	}
	start := p.i + 1
	escaped := p.skipQuoted()
	if p.err != nil {
		return ""
	}
	s := p.s[start : p.i-1]
	if !escaped && utf8.ValidString(s) {
		return s
	}
	out, ok := unquote(s)
	if !ok {
		p.fail("a valid escape sequence before it")
	}
	return out
}

// unquote resolves the escapes of what stands between the quotes of a JSON
// string. Invalid UTF-8 and lone surrogates become U+FFFD, as in encoding/json.
func unquote(s string) (string, bool) {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRuneInString(s[i:])
			out = utf8.AppendRune(out, r)
			i += n
		case c != '\\':
			out = append(out, c)
			i++
		case i+1 < len(s) && s[i+1] == 'u':
			r, n, ok := unquoteRune(s[i:])
			if !ok {
				return "", false
			}
			out = utf8.AppendRune(out, r)
			i += n
		default:
			if i+1 == len(s) {
				return "", false
			}
			const names, values = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
			k := strings.IndexByte(names, s[i+1])
			if k < 0 {
				return "", false
			}
			out = append(out, values[k])
			i += 2
		}
	}
	return string(out), true
}

// unquoteRune reads a \uXXXX, or a pair of them that is one rune, and returns
// how many bytes it took.
func unquoteRune(s string) (r rune, n int, ok bool) {
	r, ok = hex4(s)
	if !ok || !utf16.IsSurrogate(r) {
		return r, 6, ok
	}
	if low, ok := hex4(s[6:]); ok {
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, 12, true
		}
	}
	return utf8.RuneError, 6, true
}

func hex4(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range []byte(s[2:6]) {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// appendQuoted appends s as a JSON string. Invalid UTF-8 becomes U+FFFD. With
// ascii, everything outside ASCII is escaped.
func appendQuoted(dst []byte, s string, ascii bool) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if ascii || r == utf8.RuneError && n == 1 {
				dst = append(dst, s[start:i]...)
				dst = appendRune(dst, r, ascii)
				start = i + n
			}
			i += n
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' && (c != 0x7f || !ascii) {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		default:
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
		i++
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

func appendRune(dst []byte, r rune, ascii bool) []byte {
	if !ascii {
		return utf8.AppendRune(dst, r)
	}
	if r1, r2 := utf16.EncodeRune(r); r1 != utf8.RuneError {
		return fmt.Appendf(dst, `\u%04x\u%04x`, r1, r2)
	}
	return fmt.Appendf(dst, `\u%04x`, r)
}
