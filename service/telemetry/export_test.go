package telemetry

// ParseTraceHeader is exported for tests with headers that no platform sends.
var ParseTraceHeader = parseTraceHeader

// MaxPostponed is exported for tests.
const MaxPostponed = maxPostponed
