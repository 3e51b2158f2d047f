package conformance_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
)

const (
	eventsDocument = "../../docs/events.md"
	readme         = "../../README.md"
	beginMarker    = "<!-- events table: begin -->"
	endMarker      = "<!-- events table: end -->"
)

// checkDocuments compares the documents with the findings, or writes them.
func checkDocuments(t *testing.T, found map[string][]finding) {
	t.Helper()
	other := otherAdapters()
	for _, s := range sections() {
		for _, r := range s.rows {
			if _, ok := other[r.name]; !ok {
				t.Errorf("otherAdapters lacks the row %q", r.name)
			}
			delete(other, r.name)
		}
	}
	for name := range other {
		t.Errorf("otherAdapters has the unknown row %q", name)
	}
	checkDocument(t, eventsDocument, full(found))
	text, err := os.ReadFile(readme)
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	before, rest, began := strings.Cut(string(text), beginMarker)
	_, after, ended := strings.Cut(rest, endMarker)
	if !began || !ended {
		t.Errorf("README.md lacks the lines %s and %s around the table", beginMarker, endMarker)
		return
	}
	checkDocument(t, readme, before+beginMarker+"\n"+brief(found)+endMarker+after)
}

func checkDocument(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		if t.Failed() {
			t.Fatalf("%s is not updated", path)
		}
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(got), "\n"), strings.Split(want, "\n")); diff != "" {
		t.Errorf("%s differs from the findings; update it with go test ./lambda/conformance -update (-file +found):\n%s", path, diff)
	}
}

const introduction = `<!-- Written by go test ./lambda/conformance -update. Do not edit. -->

# Events, case by case

This page is for those who want to know how a Lambda function serves HTTP in each case. Each row names correct behaviour that a client,
a handler or a gRPC service can see, and says whether this project and three other adapters have it. Each row is a test in
[lambda/conformance](../lambda/conformance).

The columns mean this:

- **this project**: a test checks every row from an HTTP client through the [emulator](../lambda/emulator)'s front door of each source,
  a real function process and back. The sources are rest-api, http-api (payload 2.0), http-api-v1 (payload 1.0), alb, alb-multi (a
  target group with multi-value headers), function-url, vpc-lattice (version 2 of the event structure) and vpc-lattice-v1. Where it
  applies, rest-api and function-url are also tested with streamed responses. Rows about gRPC are tested over the transports unix,
  bufconn and inproc. The test fails if a row is not "yes".
- **aws-lambda-go-api-proxy** v0.16.2 (archived by its owner): the same checks ran on the same handlers behind its httpadapter, for
  payload 1.0, payload 2.0 and ALB, in the same emulator. A cell says what it does instead where the check cannot run.
- **algnhsa** 1.1.0 and **aws-lambda-web-adapter** (its source code after version 1.0.1, with lambda_http at commit
  13f237e): the cells come from reading the code, not from running it. The web adapter runs beside the application and
  calls it over HTTP. Rows about the response writer therefore depend on the application's own server. algnhsa does not serve alb
  without multi-value headers at all, and its cells do not repeat that.

None of the other three serves VPC Lattice: aws-lambda-go-api-proxy has no adapter for it, algnhsa treats version 2 as
http-api, and the web adapter sends the event to the application in a POST to ` + "`/events`" + `. Their cells are about the other sources.

After "no", a cell says what happens instead, and at which sources if not at all of them. "?" means that the source code did not show it. "–"
means that the row does not concern the adapter or does not exist there.
`

// full returns the content of docs/events.md.
func full(found map[string][]finding) string {
	var out strings.Builder
	out.WriteString(introduction)
	other := otherAdapters()
	for _, s := range sections() {
		fmt.Fprintf(&out, "\n## %s\n\n| behaviour | where | this project | aws-lambda-go-api-proxy | algnhsa | aws-lambda-web-adapter |\n|---|---|---|---|---|---|\n", s.title)
		for _, f := range found[s.title] {
			line(&out, f.name, f.where(), f.ours, f.apiProxy, other[f.name].algnhsa, other[f.name].webAdapter)
		}
	}
	out.WriteString(`
## What is lost before the function

Some sources lose information on the way to the function. This project passes on what arrives and does not guess the original. The
checks above expect exactly that for these sources.

| behaviour | source | what is lost |
|---|---|---|
`)
	for _, s := range sections() {
		for _, f := range found[s.title] {
			for _, source := range slices.Sorted(maps.Keys(f.destroyed)) {
				line(&out, f.name, string(source), f.destroyed[source])
			}
		}
	}
	out.WriteString(latticeNotes)
	return out.String()
}

// latticeNotes describes the undocumented behavior of VPC Lattice.
const latticeNotes = `
## VPC Lattice: what is documented and what is not

The events follow AWS's user guide ("Lambda functions as targets in VPC Lattice", "HTTP targets in VPC Lattice"). No captured event
was available. Where the guide says nothing, this project does the following:

| case | what is done |
|---|---|
| the query | taken from the path, as in events that users of other adapters have published. If the path has no ` + "`?`" + `, the event's parameters are used and treated as decoded |
| the path | treated as the client sent it, not decoded |
| the client's address | the last element of X-Forwarded-For, which is right whether VPC Lattice appends to that header or replaces it |
| the scheme | X-Forwarded-For-Proto, which the guide names, otherwise X-Forwarded-Proto |
| the caller in version 1 | none: the guide promises X-Amzn-Lattice-Identity and similar headers only to HTTP targets, so they are treated as any other header |
| several Set-Cookie headers | each is sent under a different spelling of the name, since a response has one value for each name. Whether VPC Lattice passes on all of them is not documented |
| a response over 6 MB | this project replaces it by a 500 |
| a malformed response | not documented. The emulator's 500 is a guess |
`

// brief returns the table in README.md.
func brief(found map[string][]finding) string {
	var out strings.Builder
	out.WriteString("| | this project | aws-lambda-go-api-proxy | algnhsa | aws-lambda-web-adapter |\n|---|---|---|---|---|\n")
	other := otherAdapters()
	for _, s := range sections() {
		for _, f := range found[s.title] {
			if f.brief {
				line(&out, f.name, verdict(f.ours), verdict(f.apiProxy), verdict(other[f.name].algnhsa), verdict(other[f.name].webAdapter))
			}
		}
	}
	return out.String()
}

// verdict returns the part of a cell before the colon.
func verdict(cell string) string {
	word, _, _ := strings.Cut(cell, ":")
	return word
}

// where returns the front doors at which the row is checked.
func (r row) where() string {
	var names []string
	for _, p := range places() {
		if r.applies(p) {
			names = append(names, p.String())
		}
	}
	switch {
	case len(names) == len(places()):
		return "all"
	case r.buffered && len(r.on) == 0:
		return "all, not streamed"
	case r.streamed:
		return "streamed"
	case len(names) > len(frontdoor.Sources())-1:
		return "all but " + strings.Join(r.lacks(), ", ")
	}
	return strings.Join(slices.DeleteFunc(names, func(name string) bool { return strings.HasSuffix(name, ", streamed") }), ", ")
}

// lacks returns the sources to which the row does not apply.
func (r row) lacks() []string {
	var names []string
	for _, source := range frontdoor.Sources() {
		if !r.applies(place{source: source}) {
			names = append(names, string(source))
		}
	}
	return names
}

// line writes one line of a table.
func line(out *strings.Builder, cells ...string) {
	for i, cell := range cells {
		cells[i] = strings.ReplaceAll(strings.ReplaceAll(cell, "|", `\|`), "\n", " ")
	}
	fmt.Fprintf(out, "| %s |\n", strings.Join(cells, " | "))
}
