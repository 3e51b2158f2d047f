package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// quote matches a link to a file of the recipes, or a block of Go code.
var quote = regexp.MustCompile("(?s)\\]\\(recipes/(\\w+_test\\.go)\\)|\n```go\n(.*?)\n```\n")

// Each block of Go code in the pages is in the file that was linked last before
// it, but for the indentation and what blank lines of the page part.
func TestPagesQuoteTheRecipes(t *testing.T) {
	linked := map[string]bool{}
	for _, page := range []string{"recipes.md", "migrate.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		var file, code string
		blocks := 0
		for _, m := range quote.FindAllStringSubmatch(string(text), -1) {
			if m[1] != "" {
				file = m[1]
				linked[file] = true
				source, err := os.ReadFile(filepath.Join("recipes", file))
				if err != nil {
					t.Fatalf("%s: %v", page, err)
				}
				code = withoutIndent(string(source))
				continue
			}
			blocks++
			for part := range strings.SplitSeq(m[2], "\n\n") {
				if !strings.Contains(code, withoutIndent(part)) {
					t.Errorf("%s: %q does not have these lines:\n%s", page, file, part)
				}
			}
		}
		if fences := strings.Count(string(text), "```go\n"); blocks == 0 || blocks != fences {
			t.Errorf("%s: compared %d of %d blocks of Go code", page, blocks, fences)
		}
	}
	files, err := filepath.Glob("recipes/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	helpers := map[string]bool{"keys_test.go": true, "shop_test.go": true, "violations_test.go": true}
	for _, path := range files {
		file := filepath.Base(path)
		if !linked[file] && !helpers[file] {
			t.Errorf("no page links to %s", file)
		}
	}
}

// withoutIndent returns whole lines, without the tabs that they begin with.
func withoutIndent(code string) string {
	return "\n" + regexp.MustCompile(`(?m)^\t+`).ReplaceAllString(strings.Trim(code, "\n"), "") + "\n"
}
