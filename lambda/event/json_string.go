package event

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// unquote resolves the escapes in s, the text between the quotes of a JSON
// string. It stops once the result has more than limit bytes. As in
// encoding/json, invalid UTF-8 and lone surrogates become U+FFFD; valid says
// that s is valid UTF-8. unquote reports false for an invalid escape.
func unquote[T string | []byte](s T, valid bool, limit int) ([]byte, bool) {
	out := make([]byte, 0, min(len(s), limit+utf8.UTFMax))
	for i := 0; i < len(s) && len(out) <= limit; {
		run := i
		for i < len(s) && s[i] != '\\' && (valid || s[i] < utf8.RuneSelf) {
			i++
		}
		out = append(out, s[run:run+min(i-run, limit+1-len(out))]...)
		switch {
		case i == len(s):
		case s[i] != '\\':
			r, n := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			out = utf8.AppendRune(out, r)
			i += n
		case i+1 == len(s):
			return nil, false
		case s[i+1] == 'u':
			r, n, ok := unquoteRune(string(s[i:min(i+12, len(s))]))
			if !ok {
				return nil, false
			}
			out = utf8.AppendRune(out, r)
			i += n
		default:
			const names, values = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
			k := strings.IndexByte(names, s[i+1])
			if k < 0 {
				return nil, false
			}
			out = append(out, values[k])
			i += 2
		}
	}
	return out, true
}

// unquoteRune reads a \uXXXX, or a surrogate pair of them, and returns the rune
// and the number of bytes it read.
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

// escapedLen returns the number of bytes that appendEscaped appends for s.
func escapedLen(s []byte) int {
	n := len(s)
	for _, c := range s {
		if c < ' ' || c == '"' || c == '\\' {
			n += escapeLen(c) - 1
		}
	}
	return n
}

// appendEscaped appends s, which is valid UTF-8, as part of a JSON string.
func appendEscaped(dst, s []byte) []byte {
	start := 0
	for i, c := range s {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		dst = appendEscape(dst, c)
		start = i + 1
	}
	return append(dst, s[start:]...)
}

// appendEscape appends the escape of c, which a JSON string must escape.
func appendEscape(dst []byte, c byte) []byte {
	const digits = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	}
	return append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
}

// escapeLen returns the number of bytes that appendEscape appends for c.
func escapeLen(c byte) int {
	if c == '"' || c == '\\' || c == '\n' {
		return len(`\n`)
	}
	return len(`\u0000`)
}

// appendQuoted appends s as a JSON string. Invalid UTF-8 becomes U+FFFD.
func appendQuoted(dst []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = string([]rune(s))
	}
	dst = append(dst, '"')
	dst = appendEscaped(dst, []byte(s))
	return append(dst, '"')
}
