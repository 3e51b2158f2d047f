package conformance_test

import (
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
	large     bool               // slow, so only inproc is checked at every place
	atOnce    bool               // checks all subjects concurrently, since each takes long
	apiProxy  string             // the cell of aws-lambda-go-api-proxy, if the check cannot find it
	check     func(*subject) error
	destroyed map[frontdoor.Source]string // what is lost on the way to the function
}

// applies reports whether the row applies at p.
func (r row) applies(p place) bool {
	return (len(r.on) == 0 || slices.Contains(r.on, p.source)) && (!r.streamed || p.streamed) && (!r.buffered || !p.streamed)
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
	var outcomes []outcome
	for _, p := range places() {
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

// TestRows checks each row, and that the documents have the results.
func TestRows(t *testing.T) {
	l := newLab(t)
	found := make(map[string][]finding)
	for _, s := range sections() {
		for _, r := range s.rows {
			outcomes := r.run(l, ours)
			t.Run(r.name, func(t *testing.T) {
				for _, o := range outcomes {
					if o.err != nil {
						t.Errorf("%s %s: %v", o.place, o.transport, o.err)
					}
				}
				if len(outcomes) == 0 {
					t.Error("the row applies nowhere")
				}
			})
			f := finding{row: r, ours: cell(outcomes), apiProxy: r.apiProxy}
			if f.apiProxy == "" {
				f.apiProxy = cell(r.run(l, apiProxy))
			}
			found[s.title] = append(found[s.title], f)
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
