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

// Each block of Go code in a page is part of the file that the page linked last
// before it. The indentation may differ, and a blank line in the page may stand
// for code that the page leaves out.
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

var (
	link    = regexp.MustCompile(`\]\(([^)\s]*)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	blocks  = regexp.MustCompile("(?ms)^```.*?^```$|^    .*?$")
	span    = regexp.MustCompile("`[^`\n]*`")
	notSlug = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// A link within the repository leads to a file and, with a fragment, to a heading.
func TestLinksLeadSomewhere(t *testing.T) {
	var pages []string
	for _, pattern := range []string{"../*.md", "*.md", "decisions/*.md", "../template/*.md", "../bench/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: found %v, %v", pattern, found, err)
		}
		pages = append(pages, found...)
	}
	for _, page := range pages {
		for _, m := range link.FindAllStringSubmatch(span.ReplaceAllString(readPage(t, page), ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			path, fragment, _ := strings.Cut(m[1], "#")
			target := page
			if path != "" {
				target = filepath.Join(filepath.Dir(page), path)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %s: %v", page, m[1], err)
			} else if fragment != "" && !anchors(readPage(t, target))[fragment] {
				t.Errorf("%s: %s: the page has no such heading", page, m[1])
			}
		}
	}
}

// readPage returns a page without its blocks of code.
func readPage(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return blocks.ReplaceAllString(string(text), "")
}

// anchors returns what GitHub makes of the headings.
func anchors(page string) map[string]bool {
	slugs := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(page, -1) {
		slugs[strings.ReplaceAll(notSlug.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return slugs
}
