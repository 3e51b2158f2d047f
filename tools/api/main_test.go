package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod": "module example.com/m\n\ngo 1.26\n",
		"a/a.go": `package a

type T[V any] struct {
	Field V
	other int
}

func (*T[V]) Method(int) error { return nil }
func (*T[V]) hidden()          {}

type I interface{ M() }

const Max = 1 << 3

func F(t *T[string]) {}
`,
		"internal/b/b.go": "package b\n\nfunc Hidden() {}\n",
		"main.go":         "package main\n\nfunc main() {}\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var got strings.Builder
	if err := write(&got, dir, "./..."); err != nil {
		t.Fatal(err)
	}
	want := `example.com/m/a: func F(t *T[string])
example.com/m/a: type I interface{M()}
example.com/m/a: const Max untyped int = 8
example.com/m/a: type T[V any] struct
example.com/m/a: field (T) Field V
example.com/m/a: method (*T[V any]) Method(int) error
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestChanges(t *testing.T) {
	got := changes([]string{"a", "b"}, []string{"b", "c"})
	if diff := cmp.Diff([]string{"- a", "+ c"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
