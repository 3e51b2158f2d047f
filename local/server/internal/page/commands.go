package page

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"google.golang.org/grpc"

	"github.com/lambda-grpc/lambda-grpc-gateway/local/server/internal/record"
)

// commands returns shell commands that call the method at the server's addresses.
func (p *page) commands(m method, info grpc.MethodInfo) []command {
	data := shellQuote(compact(m.Sample))
	var all []command
	if p.HTTPAddress != "" {
		base := "http://" + p.HTTPAddress + p.Prefix
		for _, b := range m.Bindings {
			all = append(all, command{"REST", curl(b, base, data, info.IsServerStream)})
		}
		if p.RPC && !info.IsClientStream && !info.IsServerStream {
			all = append(all, command{"Connect", "curl -H 'Content-Type: application/json' -d " + data + " " + base + m.Path})
		}
	}
	if p.GRPCAddress != "" {
		all = append(all,
			command{"gRPC", "grpcurl -plaintext -d " + data + " " + p.GRPCAddress + " " + strings.TrimPrefix(m.Path, "/")},
			command{"gRPC", "buf curl --protocol grpc --http2-prior-knowledge -d " + data + " http://" + p.GRPCAddress + m.Path},
		)
	}
	return all
}

// curl returns the command for a binding. Each path variable is 1.
func curl(b record.Binding, base, data string, streams bool) string {
	words := []string{"curl"}
	if streams {
		words = append(words, "-N")
	}
	if b.Body != "" {
		if b.Verb != http.MethodPost {
			words = append(words, "-X "+b.Verb)
		}
		if b.Body != "*" {
			data = "'{}'"
		}
		words = append(words, "-d "+data)
	} else if b.Verb != http.MethodGet {
		words = append(words, "-X "+b.Verb)
	}
	path := b.Path
	for _, v := range b.Variables() {
		example := strings.ReplaceAll(strings.ReplaceAll(v.Pattern, "**", "1"), "*", "1")
		path = strings.Replace(path, v.Text, example, 1)
	}
	return strings.Join(append(words, shellQuote(base+path)), " ")
}

// shellQuote quotes s for a POSIX shell if necessary.
func shellQuote(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_./:,@%+=", r)
	}) && s != "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// compact removes white space from JSON. It returns invalid JSON unchanged.
func compact(s string) string {
	var b bytes.Buffer
	if json.Compact(&b, []byte(s)) != nil {
		return s
	}
	return b.String()
}

// indent indents JSON. It returns invalid JSON unchanged.
func indent(s string) string {
	var b bytes.Buffer
	if depth(s) > maxDepth || json.Indent(&b, []byte(s), "", "  ") != nil {
		return s
	}
	return b.String()
}

// maxDepth is how deeply what is laid out may be nested: with 8,000 levels the
// spaces before the lines take 128 MB.
const maxDepth = 64

// depth is how deeply JSON is nested at most.
func depth(s string) (deepest int) {
	level, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case quoted:
		case c == '[', c == '{':
			level++
			deepest = max(deepest, level)
		case c == ']', c == '}':
			level--
		}
	}
	return deepest
}
