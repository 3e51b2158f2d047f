package transport

import (
	"fmt"
	"slices"
	"strings"
)

// Parse returns the transport with the given name: unix, bufconn, inproc or
// tcp. For several names, separated by commas, it returns a [FirstOf] that
// tries them in the order of the list. "unix" uses os.TempDir, "tcp" a free
// port on 127.0.0.1.
func Parse(list string) (Transport, error) {
	names := strings.Split(list, ",")
	transports := make(firstOf, len(names))
	for i, name := range names {
		names[i] = strings.TrimSpace(name)
		if transports[i] = byName(names[i]); transports[i] == nil {
			return nil, fmt.Errorf("transport: %q: want one of unix, bufconn, inproc, tcp, or several in order of preference, separated by commas", name)
		}
		if slices.Contains(names[:i], names[i]) {
			return nil, fmt.Errorf("transport: %q: %s is named twice", list, names[i])
		}
	}
	if len(transports) == 1 {
		return transports[0], nil
	}
	return transports, nil
}

func byName(name string) Transport {
	switch name {
	case "unix":
		return Unix("")
	case "bufconn":
		return Bufconn()
	case "inproc":
		return InProcess()
	case "tcp":
		return TCP("127.0.0.1:0") // a name would need a resolver
	}
	return nil
}
