package emf

import "strings"

// isReserved reports whether name means something to CloudWatch or to Lambda's
// log filter at the root of a line.
func isReserved(name string) bool {
	return name == "_aws" || name == "level" || name == "timestamp"
}

// isName reports whether s can be the name of a metric or of a dimension.
func isName(s string) bool {
	return len(s) <= maxNameBytes && strings.TrimSpace(s) != "" && strings.IndexFunc(s, isUnprintable) < 0
}

func isAlphanumeric(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

// isUnprintable holds for all that is not ASCII, too.
func isUnprintable(r rune) bool { return r < ' ' || r > '~' }

// dimensionValue makes what CloudWatch accepts as the value of a dimension out
// of a label's value: a question mark stands for every character that is not
// printable ASCII, and what goes beyond the limit is cut off. It is empty, and
// the dimension left out, when nothing but spaces is there: Prometheus makes
// no difference between an empty label and none.
func dimensionValue(s string) string {
	if strings.IndexFunc(s, isUnprintable) >= 0 {
		s = strings.Map(func(r rune) rune {
			if isUnprintable(r) {
				return '?'
			}
			return r
		}, s)
	}
	if len(s) > maxDimensionValue {
		s = s[:maxDimensionValue]
	}
	if strings.TrimSpace(s) == "" {
		return ""
	}
	return s
}

// unitOf is the CloudWatch unit that a metric's name promises by the naming
// conventions of Prometheus, and empty where it promises none: CloudWatch
// then takes None.
func unitOf(name string) string {
	base, isTotal := strings.CutSuffix(name, "_total")
	switch {
	case strings.HasSuffix(base, "_seconds"):
		return "Seconds"
	case strings.HasSuffix(base, "_bytes"):
		return "Bytes"
	case isTotal:
		return "Count"
	}
	return ""
}
