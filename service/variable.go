package service

import "slices"

// A Variable is an environment variable that a user's own services read.
// function.Main and server.Main list it in -help beside their own, and the
// local server has a flag for it: -orders-table for ORDERS_TABLE.
type Variable struct {
	// Name is of capital letters, digits and underscores.
	Name string

	// Default is what an unset or empty variable means. When it is empty too,
	// Set is not called.
	Default string

	// Meaning is one line for -help.
	Meaning string

	// Set keeps the value; it is called before the services are opened. Its
	// error says what is allowed. Name and value are added to it, so that a
	// variable is no place for a secret.
	Set func(value string) error
}

// WithVariables declares environment variables of the user's own. They are read
// by function.Main and server.Main. [New] reads no environment: it fails unless
// a program has taken the variables with [Variables].
func WithVariables(variables ...Variable) Option {
	if len(variables) == 0 {
		return func(*config) {}
	}
	return WithProgramOption("the variable "+variables[0].Name, variables)
}

// Variables returns what options declare, for a program that reads its own
// environment: it calls Set of each before it calls [New] with the same
// options.
func Variables(options ...Option) []Variable {
	return slices.Concat(ProgramOptions[[]Variable](options...)...)
}
