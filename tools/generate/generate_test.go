package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

const orders = `syntax = "proto3";
package orders.v1;

import "buf/validate/validate.proto";
import "google/api/annotations.proto";
import "google/api/client.proto";
import "google/api/field_behavior.proto";
import "google/api/httpbody.proto";
import "google/api/resource.proto";
import "google/protobuf/field_mask.proto";
import "google/rpc/status.proto";
import "google/type/money.proto";
import "protoc-gen-openapiv2/options/annotations.proto";
import "shared/page.proto";

service Orders {
  option (google.api.default_host) = "orders.example.com";
  rpc Get(GetRequest) returns (Order) {
    option (google.api.http) = {get: "/v1/{name=orders/*}"};
  }
  rpc Receipt(GetRequest) returns (google.api.HttpBody) {
    option (google.api.http) = {get: "/v1/{name=orders/*}:receipt"};
  }
}

message GetRequest {
  string name = 1 [(google.api.field_behavior) = REQUIRED, (buf.validate.field).string.min_len = 1];
  shared.Page page = 2;
}

message Order {
  option (google.api.resource) = {type: "example.com/Order", pattern: "orders/{order}"};
  string name = 1;
  google.type.Money price = 2;
  google.protobuf.FieldMask mask = 3;
  google.rpc.Status failure = 4;
}
`

func TestRun_GeneratesModuleWithImports(t *testing.T) {
	root := writeTree(t, map[string]string{
		"go.mod":                    "module example.com/shop\n",
		"proto/orders/v1/a.proto":   orders,
		"proto/orders/openapi.yaml": "openapiOptions:\n  file:\n    - file: orders/v1/a.proto\n      option: {info: {title: The shop, version: v1}}\n",
		"proto/none/v1/none.proto":  "syntax = \"proto3\"; package none.v1;",
		"gen/stale.go":              "package gen",
	})
	theirs := writeTree(t, map[string]string{
		"shared/page.proto": `syntax = "proto3"; package shared; option go_package = "example.com/shared"; message Page { int32 size = 1; }`,
	})
	args := []string{"-root", root, "-proto-path", theirs}
	if err := run(t.Context(), append(args, "-check"), t.Output()); err == nil || !strings.Contains(err.Error(), "a.pb.go is missing") {
		t.Errorf("before anything is written, -check says %v", err)
	}
	if err := run(t.Context(), args, t.Output()); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), append(args, "-check"), t.Output()); err != nil {
		t.Errorf("after a run, -check says %v", err)
	}
	tree, err := readTree(filepath.Join(root, "gen"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"orders/v1/a.pb.go":           "package ordersv1",
		"none/v1/none.pb.go":          "package nonev1",
		"orders/v1/a_grpc.pb.go":      "OrdersServer",
		"orders/v1/a.pb.gw.go":        "RegisterOrdersHandlerClient",
		"openapi/orders.swagger.json": `"title": "The shop"`,
		"openapi/orders.openapi.json": `"openapi": "3.1.0"`,
		"openapi/openapi.go":          "var Documents embed.FS",
	} {
		if !strings.Contains(string(tree[name]), want) {
			t.Errorf("%s does not have %q:\n%.300s", name, want, tree[name])
		}
		delete(tree, name)
	}
	for name := range tree {
		t.Errorf("%s should not be there", name)
	}
	if !strings.Contains(string(readFile(t, root, "gen/orders/v1/a.pb.go")), "example.com/shop/gen/orders/v1;ordersv1") {
		t.Error("the import path does not follow the module")
	}
}

func TestRun_NamesMistakes(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"an import that does not exist": {
			map[string]string{"go.mod": "module m", "proto/a/a.proto": "syntax = \"proto3\";\nimport \"no/such.proto\";"},
			[]string{"a/a.proto:2:8", "no/such.proto"},
		},
		"two mistakes": {
			map[string]string{"go.mod": "module m", "proto/a/a.proto": "syntax = \"proto3\";\nmessage A { B b = 1; }\nmessage C { D d = 1; }"},
			[]string{"a.proto:2:", "a.proto:3:"},
		},
		"a query with a message that contains itself, in an OpenAPI document": {
			map[string]string{
				"go.mod":               "module m",
				"proto/a/openapi.yaml": "openapiOptions: {}\n",
				"proto/a/v1/a.proto": "syntax = \"proto3\"; package a.v1; import \"google/api/annotations.proto\";\n" +
					"service A { rpc Get(Tree) returns (Tree) { option (google.api.http) = {get: \"/v1/a\"}; } }\n" +
					"message Tree { string name = 1; Tree left = 2; }",
			},
			[]string{".a.v1.Tree", "contains itself", "proto/a/openapi.yaml"},
		},
		"no protos":      {map[string]string{"go.mod": "module m", "proto/README": ""}, []string{"no .proto file"}},
		"no directory":   {map[string]string{"go.mod": "module m"}, []string{"proto"}},
		"no module":      {map[string]string{"proto/a/a.proto": `syntax = "proto3";`}, []string{"go.mod"}},
		"no module line": {map[string]string{"go.mod": "go 1.26", "proto/a/a.proto": `syntax = "proto3";`}, []string{"go.mod has no module line"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := run(t.Context(), []string{"-root", writeTree(t, test.files)}, t.Output())
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v, want one that has %q", err, want)
				}
			}
		})
	}
}

func TestRun_DescriptorSet(t *testing.T) {
	root := writeTree(t, map[string]string{
		"go.mod":          "module m",
		"proto/a/a.proto": `syntax = "proto3"; import "google/type/money.proto"; message A { google.type.Money m = 1; }`,
	})
	file := filepath.Join(t.TempDir(), "set.binpb")
	if err := run(t.Context(), []string{"-root", root, "-descriptor-set", file}, t.Output()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(data, set); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range set.GetFile() {
		names = append(names, f.GetName())
	}
	if want := []string{"google/type/money.proto", "a/a.proto"}; !slices.Equal(names, want) {
		t.Errorf("files %q, want %q", names, want)
	}
	if _, err := os.Stat(filepath.Join(root, "gen")); err == nil {
		t.Error("gen/ was written as well")
	}
}

func TestPackageName(t *testing.T) {
	for dir, want := range map[string]string{
		"orders/v1":             "ordersv1",
		"acme/orders/v1beta1":   "ordersv1beta1",
		"acme/line_items":       "lineitems",
		"v1":                    "v1",
		"orders":                "orders",
		"acme/Point-Of-Sale/v2": "pointofsalev2",
	} {
		if got := packageName(dir); got != want {
			t.Errorf("packageName(%q) = %q, want %q", dir, got, want)
		}
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
		"a file whose source was deleted": {
			map[string]string{"a": "1", "b/c": ""}, map[string]string{"a": "1"}, []string{"c has no .proto file"},
		},
		"all of them, in order": {
			map[string]string{"a": "1", "c": "1"}, map[string]string{"a": "2", "b": "1"},
			[]string{"a is not current", "b is missing", "c has no .proto file"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var lines []string
			if err := compare("gen", bytesOf(test.committed), bytesOf(test.fresh)); err != nil {
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

func bytesOf(files map[string]string) map[string][]byte {
	tree := map[string][]byte{}
	for name, content := range files {
		tree[name] = []byte(content)
	}
	return tree
}

func readFile(t *testing.T, root, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestRun_InvalidArguments(t *testing.T) {
	for name, test := range map[string]struct{ arg, want string }{
		"an argument": {"x", `unexpected argument "x"`},
		"a flag":      {"-x", "not defined: -x"},
	} {
		t.Run(name, func(t *testing.T) {
			err := run(t.Context(), []string{"-root", t.TempDir(), test.arg}, t.Output())
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one that says %s", err, test.want)
			}
		})
	}
}

// writeTree writes files, which map paths to contents, to a new directory.
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
