package service

import "slices"

// A Variable is an environment variable of the user's own services.
// function.Main and server.Main list it in -help with their own variables.
// The local server also has a flag for it, such as -orders-table for
// ORDERS_TABLE.
type Variable struct {
	// Name consists of capital letters, digits and underscores.
	Name string

	// Default is the value of an unset or empty variable. If Default is empty
	// too, Set is not called.
	Default string

	// Meaning is the description in -help, on one line.
	Meaning string

	// Set stores the value. It is called before the services are opened. Its
	// error should say which values are allowed; the caller adds name and
	// value to it. Do not use a Variable for a secret.
	Set func(value string) error
}

// WithVariables declares environment variables of the user's services.
// function.Main and server.Main read them. [New] does not read the
// environment: it fails unless a program has taken the variables with
// [Variables].
func WithVariables(variables ...Variable) Option {
	if len(variables) == 0 {
		return func(*config) {}
	}
	return WithProgramOption("the variable "+variables[0].Name, variables)
}

// Variables returns the variables that options declare, for a program that
// reads its own environment. The program calls Set of each variable before it
// calls [New] with the same options.
func Variables(options ...Option) []Variable {
	return slices.Concat(ProgramOptions[[]Variable](options...)...)
}
