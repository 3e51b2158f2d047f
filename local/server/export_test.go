package server

// ExitCode is for tests of what Main exits with.
func ExitCode(err error) int { return exitCode(err) }
