package server

// ExitCode exports exitCode for tests.
func ExitCode(err error) int { return exitCode(err) }
