package service

import "fmt"

// A programOption is a value that travels in the list of options to the
// program that runs the Service.
type programOption struct {
	name  string // for an error
	value any
	taken bool
}

// WithProgramOption carries value to the program that runs the Service, such
// as function.Main or server.Main, which takes it with [ProgramOptions]. It is
// how a package can have an option in the one list that both programs share.
// [New] itself has no use for value: it fails, with an error that has name in
// it, unless a program has taken the value.
func WithProgramOption(name string, value any) Option {
	o := &programOption{name: name, value: value}
	return func(c *config) { c.program = append(c.program, o) }
}

// ProgramOptions takes the values of type T that options carry, in their
// order, for a program that acts on them before it calls [New] with the same
// options.
func ProgramOptions[T any](options ...Option) []T {
	c := &config{}
	for _, o := range options {
		o(c)
	}
	var values []T
	for _, o := range c.program {
		if v, ok := o.value.(T); ok {
			o.taken = true
			values = append(values, v)
		}
	}
	return values
}

// checkProgram refuses options that no program has taken.
func (c *config) checkProgram() error {
	for _, o := range c.program {
		if !o.taken {
			return fmt.Errorf("nothing has taken %s: give it to the program that it is for, such as function.Main or server.Main", o.name)
		}
	}
	return nil
}
