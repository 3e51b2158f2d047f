package conformance_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
)

// row is a line of the table: the correct behavior and a check of it. If the behavior
// differs, the check returns an error whose text fits a table cell.
type row struct {
	name  string
	brief bool // also in README.md

	on        []frontdoor.Source // all if empty
	streamed  bool               // only for streamed responses
	buffered  bool               // only for buffered responses
	services  bool               // concerns gRPC, so it is checked over each transport
	large     bool               // slow, so it is checked at the largePlaces, and over inproc at all but the first
	atOnce    bool               // checks all subjects concurrently, since each waits long
	apiProxy  string             // the cell of aws-lambda-go-api-proxy, if the check cannot find it
	check     func(*subject) error
	destroyed map[frontdoor.Source]string // what is lost on the way to the function
}

// applies reports whether the row applies at p.
func (r row) applies(p place) bool {
	return (len(r.on) == 0 || slices.Contains(r.on, p.source)) && (!r.streamed || p.streamed) && (!r.buffered || !p.streamed)
}

// largePlaces returns the places at which large rows are checked: one for each kind
// of event and one that streams, or all if CONFORMANCE_LARGE is all or the documents
// are to be written.
func largePlaces() []place {
	if *update || os.Getenv("CONFORMANCE_LARGE") == "all" {
		return places()
	}
	return []place{{frontdoor.RESTAPI, false}, {frontdoor.HTTPAPI, false}, {frontdoor.ALB, false}, {frontdoor.VPCLattice, false}, {frontdoor.FunctionURL, true}}
}

// outcome is the result of a check. err is nil if the behavior is correct.
type outcome struct {
	place     place
	transport string
	err       error
}

// run checks the row for an adapter wherever it applies.
func (r row) run(l *lab, a adapter) []outcome {
	transports := []string{""}
	if r.services && a == ours {
		transports = []string{"unix", "bufconn", "inproc"}
	}
	all := places()
	if r.large {
		all = largePlaces()
	}
	var outcomes []outcome
	for _, p := range all {
		if !r.applies(p) || (p.streamed || p.isLattice()) && a != ours {
			continue
		}
		if r.large && len(outcomes) > 0 {
			transports = []string{"inproc"}
		}
		for _, transport := range transports {
			outcomes = append(outcomes, outcome{place: p, transport: transport})
		}
	}
	var wg sync.WaitGroup
	for i := range outcomes {
		check := func() {
			s := &subject{lab: l, adapter: a, place: outcomes[i].place, transport: outcomes[i].transport}
			defer s.close()
			outcomes[i].err = r.check(s)
		}
		if r.atOnce {
			wg.Go(check)
		} else {
			check()
		}
	}
	wg.Wait()
	return outcomes
}

// section is a part of the table.
type section struct {
	title string
	rows  []row
}

func sections() []section {
	return []section{
		{"The request", requestRows()},
		{"The response", responseRows()},
		{"Failures and limits", failureRows()},
		{"Streamed responses", streamRows()},
		{"Detecting events", eventRows()},
		{"Trust", trustRows()},
		{"REST through grpc-gateway", gatewayRows()},
	}
}

// finding is a row with its results.
type finding struct {
	row
	ours, apiProxy string // cells
}

// result has the outcomes of a row, and the cell of aws-lambda-go-api-proxy.
type result struct {
	outcomes []outcome
	apiProxy string
}

// results checks the rows for which atOnce is as given.
func results(l *lab, atOnce bool) map[string]result {
	all := make(map[string]result)
	for _, s := range sections() {
		for _, r := range s.rows {
			if r.atOnce != atOnce {
				continue
			}
			got := result{r.run(l, ours), r.apiProxy}
			if got.apiProxy == "" {
				got.apiProxy = cell(r.run(l, apiProxy))
			}
			all[r.name] = got
		}
	}
	return all
}

// TestRows checks each row, and that the documents have the results. The rows that
// wait are checked while the others compute.
func TestRows(t *testing.T) {
	l := newLab(t)
	var all, waiting map[string]result
	var wg sync.WaitGroup
	wg.Go(func() { waiting = results(l, true) })
	wg.Go(func() { all = results(l, false) })
	wg.Wait()
	maps.Copy(all, waiting)
	found := make(map[string][]finding)
	for _, s := range sections() {
		for _, r := range s.rows {
			got := all[r.name]
			t.Run(r.name, func(t *testing.T) {
				for _, o := range got.outcomes {
					if o.err != nil {
						t.Errorf("%s %s: %v", o.place, o.transport, o.err)
					}
				}
				if len(got.outcomes) == 0 {
					t.Error("the row applies nowhere")
				}
			})
			found[s.title] = append(found[s.title], finding{row: r, ours: cell(got.outcomes), apiProxy: got.apiProxy})
		}
	}
	checkDocuments(t, found)
}

// cell returns the table cell for outcomes: "yes", or the errors with their places.
func cell(outcomes []outcome) string {
	var messages []string
	where := make(map[string][]string)
	for _, o := range outcomes {
		if o.err == nil {
			continue
		}
		message := o.err.Error()
		if !slices.Contains(messages, message) {
			messages = append(messages, message)
		}
		if name := o.place.String(); !slices.Contains(where[message], name) {
			where[message] = append(where[message], name)
		}
	}
	if len(messages) == 0 {
		return "yes"
	}
	if len(messages) == 1 && len(where[messages[0]]) == len(outcomes) {
		return "no: " + messages[0]
	}
	for i, message := range messages {
		messages[i] = strings.Join(where[message], ", ") + ": " + message
	}
	return "no: " + strings.Join(messages, "; ")
}
