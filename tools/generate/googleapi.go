package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/jhump/protoreflect/v2/protoprint"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// writeGoogleAPI writes google/api/annotations.proto, httpbody.proto and what they import of google/api below dir.
//
// The text is printed from the descriptors in google.golang.org/genproto, the package that the generated code imports: it
// comes from the Go module proxy as everything else does.
func writeGoogleAPI(dir string) error {
	files := []protoreflect.FileDescriptor{
		annotations.File_google_api_annotations_proto,
		annotations.File_google_api_http_proto,
		httpbody.File_google_api_httpbody_proto,
	}
	var printer protoprint.Printer
	err := printer.PrintProtoFiles(files, func(name string) (io.WriteCloser, error) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		return os.Create(path)
	})
	if err != nil {
		return fmt.Errorf("generate: writing google/api: %w", err)
	}
	return nil
}
