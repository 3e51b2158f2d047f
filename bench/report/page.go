package main

import (
	_ "embed"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"
)

// Prices are Lambda's prices in dollars.
type Prices struct {
	GBSecond, Million float64
	Source            string
}

func awsPrices() Prices {
	return Prices{0.0000133334, 0.20, "arm64 in us-east-1, May 2026"}
}

// Dollars returns the price of a million requests.
func (r *results) Dollars(function string, mb int) string {
	ms := r.Median(memory(function, mb), "billed-ms")
	return fmt.Sprintf("%.3f", r.Prices.Million+1e6*ms/1000*float64(mb)/1024*r.Prices.GBSecond)
}

//go:embed page.md.tmpl
var pageTemplate string

func parsePage() (*template.Template, error) {
	list := func(values ...string) func() []string { return func() []string { return values } }
	return template.New("page").Funcs(template.FuncMap{
		"digits": digits, "time": duration, "ms": func(ms float64) string { return duration(ms / 1000) }, "functions": functions, "sizes": memorySizes,
		"memory": memory, "invocation": invocation, "coldStart": coldStart,
		"transports": list("inproc", "bufconn", "unix"),
		"inProcess":  list("register-server", "inproc", "bufconn", "unix", "tcp"),
		"compared":   list("inproc", "bufconn", "unix", "hello"),
		"kinds":      list("rest/answer=buffered", "rest/answer=streamed", "rpc/answer=buffered", "rpc/answer=streamed"),
		"keys":       list("date", "commit", "cpu", "cpus", "system", "goarch", "go", "modules", "rounds"),
	}).Parse(pageTemplate)
}

func functions() []string {
	return []string{"hello", "plain", "register-server", "connect", "original", "inproc", "bufconn", "unix"}
}

func memorySizes() []int { return []int{128, 256, 512, 1769} }

// write writes the page and the charts. It also updates the figures in the pages that
// quote them, unless the output goes to another directory.
func (r *results) write(root, out string) error {
	dir := out
	if out == "" {
		dir = filepath.Join(root, "bench")
	}
	for name, chart := range charts() {
		p, err := chart(r)
		if err == nil {
			err = writeSVG(filepath.Join(dir, name), p)
		}
		if err != nil {
			return fmt.Errorf("drawing %s: %w", name, err)
		}
	}
	var page, figures strings.Builder
	t, err := parsePage()
	if err != nil {
		return err
	}
	if err := errors.Join(t.Execute(&page, r), t.ExecuteTemplate(&figures, "figures", r)); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "RESULTS.md"), []byte(page.String()), 0o644); err != nil || out != "" {
		return err
	}
	for _, page := range quoting() {
		if err := quote(filepath.Join(root, page), figures.String()); err != nil {
			return err
		}
	}
	return nil
}

// quoting are the pages that quote the figures.
func quoting() []string { return []string{"README.md", "docs/transports.md"} }

func figuresBlock() *regexp.Regexp {
	return regexp.MustCompile(`(?s)<!-- figures: begin -->\n.*?<!-- figures: end -->\n`)
}

// quote replaces the block of figures in a page.
func quote(path, figures string) error {
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if len(figuresBlock().FindAll(page, -1)) != 1 {
		return fmt.Errorf("%s: want one block of figures", path)
	}
	return os.WriteFile(path, figuresBlock().ReplaceAllLiteral(page, []byte(figures)), 0o644)
}

// duration formats seconds with three digits.
func duration(seconds float64) string {
	switch {
	case math.IsNaN(seconds):
		return "–"
	case seconds < 1e-3:
		return digits(seconds*1e6) + " µs"
	case seconds < 1:
		return digits(seconds*1e3) + " ms"
	}
	return digits(seconds) + " s"
}

// digits formats v with three significant digits.
func digits(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case math.Abs(v) >= 99.95:
		return fmt.Sprintf("%.0f", v)
	case math.Abs(v) >= 9.995:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
