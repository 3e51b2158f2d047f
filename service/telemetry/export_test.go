package telemetry

// ParseTraceHeader is for tests of what no platform sends.
var ParseTraceHeader = parseTraceHeader
