package config

import (
	"cmp"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// want returns an error that gives the allowed values.
func want(allowed string) error { return errors.New("want " + allowed) }

func oneOf(value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return want("one of " + strings.Join(allowed, ", "))
}

// parseLevel accepts slog's levels, and trace and fatal, which Lambda also has.
func parseLevel(level *slog.Level, s string) error {
	switch s = strings.ToLower(s); s {
	case "trace":
		s = "debug"
	case "fatal":
		s = "error"
	}
	if err := oneOf(s, "debug", "info", "warn", "error"); err != nil {
		return err
	}
	return level.UnmarshalText([]byte(s))
}

// parseDuration accepts a duration of at least minimum.
func parseDuration(field *time.Duration, s string, minimum time.Duration) error {
	d, err := time.ParseDuration(s)
	switch {
	case err == nil && d >= minimum:
		*field = d
		return nil
	case minimum > 0:
		return want("a positive duration with its unit, such as 500ms or 10s")
	default:
		return want("a duration with its unit that is not negative, such as 500ms or 10s")
	}
}

func parseCount[T int | int64](field *T, s string) error {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 1 {
		return want("a whole number from 1 to 2147483647")
	}
	*field = T(n)
	return nil
}

func parseAddress(field *string, s string) error {
	*field = s
	if s == Off {
		return nil
	}
	_, port, err := net.SplitHostPort(s)
	if _, portErr := strconv.ParseUint(port, 10, 16); cmp.Or(err, portErr) != nil {
		return want("host:port, such as localhost:8080 or :8080, or off")
	}
	return nil
}

func parseOrigins(field *[]string, list string) (err error) {
	*field, err = service.ParseOrigins(list)
	if err == nil && list != "" && len(*field) == 0 {
		return want("origins separated by commas, such as https://app.example.com, or *")
	}
	return err
}

// parsePath accepts whole path segments whose characters a URL does not escape.
func parsePath(field *string, s string) error {
	segments := strings.TrimSuffix(strings.TrimPrefix(s, "/"), "/")
	for segment := range strings.SplitSeq(segments, "/") {
		wrong := segment == "" || segment[0] == '.' || !onlyOf(segment, "._~-")
		if wrong && segments != "" {
			return want("segments of letters, digits and -._~, such as /api or /shop/v2")
		}
	}
	*field = s
	return nil
}

// parseNamespace accepts the namespaces that CloudWatch accepts (API reference,
// MetricDatum).
func parseNamespace(field *string, s string) error {
	if s == "" || len(s) > 255 || !onlyOf(s, ".-_/#:") || s[0] == ':' || strings.HasPrefix(s, "AWS/") {
		return want("up to 255 letters, digits and .-_/#:, not beginning with AWS/ or a colon")
	}
	*field = s
	return nil
}

// parseStage accepts the names that API Gateway accepts.
func parseStage(field *string, s string) error {
	if s != "$default" && (s == "" || len(s) > 128 || !onlyOf(s, "-_")) {
		return want("$default, or up to 128 letters, digits, dashes and underscores")
	}
	*field = s
	return nil
}

// onlyOf reports whether s has only letters, digits and characters of more.
func onlyOf(s, more string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		isLetter := 'a' <= r|0x20 && r|0x20 <= 'z' && r < 0x80
		return !isLetter && (r < '0' || r > '9') && !strings.ContainsRune(more, r)
	}) < 0
}
