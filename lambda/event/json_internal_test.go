package event

import (
	"encoding/json"
	"strings"
	"testing"
)

// FuzzJSON compares the parser with encoding/json: it must accept the same valid
// texts and decode strings in the same way.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`"a"`, `"\u00e9\ud83d\ude00\ud83d\n\/\""`, `" \\"`, "\"\xff\xc3\x28\"", `"\u12"`, `"\x"`, `"`, `"\`, `{"a":[1,-2.5e3,true,null,{"b":""}]} `,
		`[[],{},[{}],""]`, `{`, `}`, `[`, `]`, `,`, `[1,]`, `nul`, `{"a":1,"a":2}`, " \t\r\n0 ", `{"\u0061":"x"}`,
	} {
		f.Add(s)
	}
	for n := 61; n <= 65; n++ { // around the length that plainLen takes for short
		long := strings.Repeat("a", n)
		f.Add(`{"` + long + `":["` + long + `","` + long + `\"","` + long + `é"]}`)
		f.Add(`"` + long + `\\"`)
		f.Add(`"` + long + `é"`)
		f.Add(`"` + long + `"`)
	}
	f.Fuzz(func(t *testing.T, text string) {
		valid := json.Valid([]byte(text))
		p := parser{s: text}
		raw := p.raw()
		if valid && (p.err != nil || p.peek() != 0) {
			t.Errorf("valid JSON is an error: %v", p.err)
		}
		if valid && raw != "" && !json.Valid([]byte(raw)) {
			t.Errorf("a valid value became %q", raw)
		}
		var want string
		if valid && json.Unmarshal([]byte(text), &want) == nil {
			p := parser{s: text}
			if got := p.text(); got != want || p.err != nil {
				t.Errorf("got %q, %v, want %q", got, p.err, want)
			}
		}
		var members map[string]json.RawMessage
		if valid && json.Unmarshal([]byte(text), &members) == nil {
			got := map[string]string{}
			p := parser{s: text}
			p.object(func(key string) { got[key] = p.raw() })
			if p.err != nil || len(got) != len(members) {
				t.Errorf("got %q, %v, want %q", got, p.err, members)
			}
			for key, value := range members {
				if s := strings.TrimSpace(string(value)); s != got[key] && s != "null" {
					t.Errorf("the member %q is %q, want %q", key, got[key], s)
				}
			}
		}
		var back string
		quoted := appendQuoted(nil, text)
		if err := json.Unmarshal(quoted, &back); err != nil || back != string([]rune(text)) {
			t.Errorf("%q became %s, %v", text, quoted, err)
		}
	})
}

// FuzzBody compares findBody with the parser.
func FuzzBody(f *testing.F) {
	for _, s := range []string{
		`{"body":"x"}`, `{"a":{"body":"x"},"body" : "y\\\""}`, `{"a":"body","b":["body"],"body":null}`, `{"body":"a","body":"b"}`, `{"body":{"body":"c"}}`,
		`{"a\\":"\"body\":","body":"\\"}`, `{"body":"`, `{"body`, `{"body":`, `"body":"x"`, `{"body":"a","body":1}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		start, end := findBody([]byte(text))
		if start < 0 || end < start || end > len(text) {
			t.Fatalf("from %d to %d of %d", start, end, len(text))
		}
		var members map[string]json.RawMessage
		if json.Unmarshal([]byte(text), &members) != nil || strings.Contains(text, `\u`) { // the name may be escaped
			return
		}
		want := string(members["body"])
		if !strings.HasPrefix(want, `"`) {
			want = ""
		}
		if got := text[start:end]; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}
