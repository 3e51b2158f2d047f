package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"
)

// newProject makes a project in a new directory and returns the directory.
func newProject(t *testing.T, modulePath string, args ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "project")
	err := run(t.Context(), append([]string{"-root", "../..", "-module", modulePath, "-dir", dir}, args...), t.Output(), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func command(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestRun_NewProjectWorks(t *testing.T) {
	dir := newProject(t, "example.com/shop")
	command(t, dir, nil, "make", "test", "lint")
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(templatePath)) {
			t.Errorf("%s has the template's own path", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if main, err := os.ReadFile(filepath.Join(dir, "terraform/main.tf")); err != nil || bytes.Contains(main, []byte(terraformPath)) {
		t.Errorf("terraform/main.tf uses a version that may not be published: %v\n%s", err, main)
	}
}

// The template's gen/ and go.mod are the output of make generate and go mod tidy.
func TestTemplateIsCurrent(t *testing.T) {
	dir := newProject(t, templatePath)
	command(t, dir, nil, "go", "mod", "edit", "-dropreplace", repository)
	for _, name := range []string{"gen", "go.mod", "go.sum"} {
		command(t, ".", nil, "diff", "-r", filepath.Join("../../template", name), filepath.Join(dir, name))
	}
}

func TestRun_InvalidArguments(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"no module":                  {[]string{"-dir", t.TempDir()}, `-module=""`},
		"no directory":               {[]string{"-module", "example.com/shop"}, `-dir=""`},
		"a module path with a space": {[]string{"-module", "a b", "-dir", t.TempDir()}, `-module="a b"`},
		"a directory with a file":    {[]string{"-module", "example.com/shop", "-dir", full}, "is not empty"},
		"an argument":                {[]string{"-module", "example.com/shop", "x"}, `unexpected argument "x"`},
	} {
		t.Run(name, func(t *testing.T) {
			err := run(t.Context(), append([]string{"-root", "../.."}, test.args...), t.Output(), t.Output())
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one that says %s", err, test.want)
			}
		})
	}
}

// TestGonew makes a project from the published template with gonew. A module proxy
// of files serves HEAD as the published version. The test rebuilds all modules,
// which takes minutes.
func TestGonew(t *testing.T) {
	if os.Getenv("NEWPROJECT_GONEW") == "" {
		t.Skip("NEWPROJECT_GONEW is not set")
	}
	root := filepath.Join(t.TempDir(), "repository")
	command(t, ".", nil, "git", "clone", "-q", "--shared", "../..", root)
	proxy := t.TempDir()
	for path, dir := range map[string]string{repository: "", repository + "/tools": "tools", templatePath: "template"} {
		publish(t, proxy, root, module.Version{Path: path, Version: "v0.1.0"}, dir)
	}
	cache := strings.TrimSpace(command(t, ".", nil, "go", "env", "GOMODCACHE"))
	upstream := strings.TrimSpace(command(t, ".", nil, "go", "env", "GOPROXY"))
	env := []string{
		"GOPROXY=file://" + proxy + ",file://" + cache + "/cache/download," + upstream,
		"GOMODCACHE=" + t.TempDir(), "GOFLAGS=-modcacherw", "GONOSUMDB=" + repository + "/*," + repository,
	}
	dir := filepath.Join(t.TempDir(), "shop")
	command(t, t.TempDir(), env, "go", "run", "golang.org/x/tools/cmd/gonew@v0.52.0", templatePath+"@v0.1.0", "example.com/shop", dir)
	readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(readme), "    go get -modfile=tools.mod")
	if !found {
		t.Fatal("the template's README does not say what to do after gonew")
	}
	line, _, _ := strings.Cut(after, "\n")
	command(t, dir, append(env, "GOFLAGS="), "sh", "-ec", "go get -modfile=tools.mod"+line)
	command(t, dir, append(env, "GOFLAGS="), "make", "test", "lint")
}

// publish writes a module of this repository in the format of a module proxy.
func publish(t *testing.T, proxy, root string, m module.Version, subdir string) {
	t.Helper()
	escaped, err := module.EscapePath(m.Path)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(proxy, filepath.FromSlash(escaped), "@v")
	var archive bytes.Buffer
	if err := modzip.CreateFromVCS(&archive, m, root, "HEAD", subdir); err != nil {
		t.Fatal(err)
	}
	goMod := read(t, archive.Bytes(), m.Path+"@"+m.Version+"/go.mod")
	for name, data := range map[string][]byte{
		"list":              []byte(m.Version + "\n"),
		m.Version + ".info": fmt.Appendf(nil, `{"Version":%q}`, m.Version),
		m.Version + ".mod":  goMod,
		m.Version + ".zip":  archive.Bytes(),
	} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// read returns the content of a file in a zip archive.
func read(t *testing.T, archive []byte, name string) []byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := r.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var data bytes.Buffer
	if _, err := data.ReadFrom(f); err != nil {
		t.Fatal(err)
	}
	return data.Bytes()
}
