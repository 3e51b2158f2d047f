package config

import (
	"cmp"
	"fmt"
	"io"
	"text/tabwriter"
)

// WriteHelp writes a table of settings to w: those of the function, or all that the
// local server accepts.
func (t *Table) WriteHelp(w io.Writer, p Program) {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, s := range t.settings {
		if i == len(t.settings)-t.own {
			fmt.Fprintln(tab, "\t\t") // separates the user's own settings
		}
		label, meaning := s.name, s.meaning
		switch {
		case s.in == Function && p != Function:
			meaning = "with -lambda: " + meaning
		case s.in&Function == 0 && p == Function:
			continue
		}
		switch {
		case s.flagOnly:
			label = "-" + s.flag()
		case p != Function:
			label = "-" + s.flag() + ", " + s.name
		}
		fmt.Fprintf(tab, "  %s\t%s\t%s\n", label, cmp.Or(s.defaultOf(p), "-"), meaning)
	}
	_ = tab.Flush()
}
