package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	// These packages have the descriptors of the .proto files that a project may
	// import without having a copy. The generated code imports the same packages.
	_ "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	_ "github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-openapiv2/options"
	_ "github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-openapiv3/options"
	_ "google.golang.org/genproto/googleapis/api"
	_ "google.golang.org/genproto/googleapis/api/annotations"
	_ "google.golang.org/genproto/googleapis/api/distribution"
	_ "google.golang.org/genproto/googleapis/api/error_reason"
	_ "google.golang.org/genproto/googleapis/api/expr/v1alpha1"
	_ "google.golang.org/genproto/googleapis/api/httpbody"
	_ "google.golang.org/genproto/googleapis/api/label"
	_ "google.golang.org/genproto/googleapis/api/metric"
	_ "google.golang.org/genproto/googleapis/api/monitoredres"
	_ "google.golang.org/genproto/googleapis/api/visibility"
	_ "google.golang.org/genproto/googleapis/rpc/code"
	_ "google.golang.org/genproto/googleapis/rpc/context/attribute_context"
	_ "google.golang.org/genproto/googleapis/rpc/errdetails"
	_ "google.golang.org/genproto/googleapis/rpc/http"
	_ "google.golang.org/genproto/googleapis/rpc/status"
	_ "google.golang.org/genproto/googleapis/type/calendarperiod"
	_ "google.golang.org/genproto/googleapis/type/color"
	_ "google.golang.org/genproto/googleapis/type/date"
	_ "google.golang.org/genproto/googleapis/type/datetime"
	_ "google.golang.org/genproto/googleapis/type/dayofweek"
	_ "google.golang.org/genproto/googleapis/type/decimal"
	_ "google.golang.org/genproto/googleapis/type/expr"
	_ "google.golang.org/genproto/googleapis/type/fraction"
	_ "google.golang.org/genproto/googleapis/type/interval"
	_ "google.golang.org/genproto/googleapis/type/latlng"
	_ "google.golang.org/genproto/googleapis/type/localized_text"
	_ "google.golang.org/genproto/googleapis/type/money"
	_ "google.golang.org/genproto/googleapis/type/month"
	_ "google.golang.org/genproto/googleapis/type/phone_number"
	_ "google.golang.org/genproto/googleapis/type/postaladdress"
	_ "google.golang.org/genproto/googleapis/type/quaternion"
	_ "google.golang.org/genproto/googleapis/type/timeofday"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"github.com/bufbuild/protocompile/reporter"
	"golang.org/x/mod/modfile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// compile compiles the .proto files below root/proto. all has their descriptors and those of all imports, with each file
// after its imports. own has the names of the files below root/proto. The error gives the file and line of each mistake.
func compile(ctx context.Context, root string, protoPath []string) (all []*descriptorpb.FileDescriptorProto, own []string, err error) {
	dir := filepath.Join(root, "proto")
	if own, err = protoFiles(dir); err != nil {
		return nil, nil, err
	}
	var mistakes []error
	compiler := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(protocompile.CompositeResolver{
			&protocompile.SourceResolver{ImportPaths: append([]string{dir}, protoPath...)},
			protocompile.ResolverFunc(linked),
		}),
		SourceInfoMode: protocompile.SourceInfoStandard,
		Reporter: reporter.NewReporter(func(err reporter.ErrorWithPos) error {
			mistakes = append(mistakes, fmt.Errorf("generate: %w", err))
			return nil
		}, nil),
	}
	files, err := compiler.Compile(ctx, own...)
	if len(mistakes) > 0 {
		return nil, nil, errors.Join(mistakes...)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("generate: %w", err)
	}
	module, err := modulePath(root)
	if err != nil {
		return nil, nil, err
	}
	seen := map[string]bool{}
	for _, file := range files {
		all = appendWithImports(all, seen, file)
	}
	for _, file := range all {
		if slices.Contains(own, file.GetName()) && file.GetOptions().GetGoPackage() == "" {
			setGoPackage(file, module)
		}
	}
	return all, own, nil
}

// protoFiles returns the names of the .proto files below dir, relative to it.
func protoFiles(dir string) ([]string, error) {
	var names []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, _ fs.DirEntry, err error) error {
		if err == nil && path.Ext(name) == ".proto" {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("generate: finding .proto files in %s: %w", dir, err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("generate: no .proto file below %s", dir)
	}
	return names, nil
}

// linked returns the descriptor of a file that is linked into this program.
func linked(name string) (protocompile.SearchResult, error) {
	file, err := protoregistry.GlobalFiles.FindFileByPath(name)
	return protocompile.SearchResult{Desc: file}, err
}

// appendWithImports appends the imports of file and then file to all, except the files in seen.
func appendWithImports(all []*descriptorpb.FileDescriptorProto, seen map[string]bool, file protoreflect.FileDescriptor) []*descriptorpb.FileDescriptorProto {
	if seen[file.Path()] {
		return all
	}
	seen[file.Path()] = true
	imports := file.Imports()
	for i := range imports.Len() {
		all = appendWithImports(all, seen, imports.Get(i).FileDescriptor)
	}
	if compiled, ok := file.(linker.Result); ok {
		return append(all, compiled.FileDescriptorProto())
	}
	return append(all, protodesc.ToFileDescriptorProto(file))
}

// setGoPackage sets the go_package option of file to the import path of its generated code.
func setGoPackage(file *descriptorpb.FileDescriptorProto, module string) {
	if file.Options == nil {
		file.Options = &descriptorpb.FileOptions{}
	}
	dir := path.Dir(file.GetName())
	file.Options.GoPackage = proto.String(path.Join(module, "gen", dir) + ";" + packageName(dir))
}

var version = regexp.MustCompile(`^v[0-9]+((alpha|beta)[0-9]*)?$`)

// packageName returns the last element of dir. If that is a version, it is preceded by the element before: orders/v1
// becomes ordersv1.
func packageName(dir string) string {
	name := path.Base(dir)
	if parent := path.Base(path.Dir(dir)); version.MatchString(name) && parent != "." {
		name = parent + name
	}
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(name))
}

func modulePath(root string) (string, error) {
	file := filepath.Join(root, "go.mod")
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("generate: %w", err)
	}
	module := modfile.ModulePath(data)
	if module == "" {
		return "", fmt.Errorf("generate: %s has no module line", file)
	}
	return module, nil
}
