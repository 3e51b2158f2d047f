package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
)

func TestWhatIsWrittenOfGoogleAPICompilesToWhatItCameFrom(t *testing.T) {
	dir := t.TempDir()
	if err := writeGoogleAPI(dir); err != nil {
		t.Fatal(err)
	}
	compiler := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: []string{dir}}),
	}
	for _, want := range []protoreflect.FileDescriptor{
		annotations.File_google_api_annotations_proto,
		annotations.File_google_api_http_proto,
		httpbody.File_google_api_httpbody_proto,
	} {
		files, err := compiler.Compile(t.Context(), want.Path())
		if err != nil {
			t.Fatal(err)
		}
		got, want := description(t, files[0]), description(t, want)
		if !proto.Equal(got, want) {
			t.Errorf("%s is\n%v\nwant\n%v", files[0].Path(), got, want)
		}
	}
}

// description returns the file's descriptor as it is on the wire, where an option is the same whichever package knows it.
func description(t *testing.T, file protoreflect.FileDescriptor) proto.Message {
	t.Helper()
	message := protodesc.ToFileDescriptorProto(file)
	message.SourceCodeInfo = nil
	return message
}

func TestWriteGoogleAPISaysWhatItCouldNotWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	writeFile(t, file, "")
	if err := writeGoogleAPI(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("error %v, want one that names %s", err, file)
	}
}

func TestCompare(t *testing.T) {
	for name, test := range map[string]struct {
		committed, fresh map[string]string
		want             []string // one part of each line of the error
	}{
		"the same files": {
			map[string]string{"a": "1", "b/c": "2"}, map[string]string{"a": "1", "b/c": "2"}, nil,
		},
		"no files at all": {nil, nil, nil},
		"a file that differs": {
			map[string]string{"a": "1", "b/c": "2"}, map[string]string{"a": "1", "b/c": "3"}, []string{"c is not current"},
		},
		"a file that was never committed": {
			map[string]string{"a": "1"}, map[string]string{"a": "1", "b/c": ""}, []string{"c is missing"},
		},
		"a file whose source is gone": {
			map[string]string{"a": "1", "b/c": ""}, map[string]string{"a": "1"}, []string{"c comes from no .proto file"},
		},
		"all of them, in order": {
			map[string]string{"a": "1", "c": "1"}, map[string]string{"a": "2", "b": "1"},
			[]string{"a is not current", "b is missing", "c comes from no .proto file"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var lines []string
			if err := compare(writeTree(t, test.committed), writeTree(t, test.fresh)); err != nil {
				lines = strings.Split(err.Error(), "\n")
			}
			if len(lines) != len(test.want) {
				t.Fatalf("errors %q, want %q", lines, test.want)
			}
			for i, line := range lines {
				if !strings.HasSuffix(line, test.want[i]) {
					t.Errorf("error %q does not end in %q", line, test.want[i])
				}
			}
		})
	}
}

func TestCompareFailsWithoutADirectory(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	if err := compare(t.TempDir(), missing); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("error %v, want one that names %s", err, missing)
	}
}

func TestRunRefusesArgumentsItDoesNotKnow(t *testing.T) {
	for name, test := range map[string]struct{ arg, want string }{
		"an argument": {"x", `unexpected argument "x"`},
		"a flag":      {"-x", "not defined: -x"},
	} {
		t.Run(name, func(t *testing.T) {
			var output strings.Builder
			err := run(t.Context(), []string{"-root", t.TempDir(), test.arg}, &output, &output)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one that says %s", err, test.want)
			}
		})
	}
}

// writeTree makes a directory with the files, whose contents are given by path.
func writeTree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		writeFile(t, filepath.Join(dir, filepath.FromSlash(name)), content)
	}
	return dir
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
