package service

import "fmt"

// A programOption is a value for the program that runs the Service, carried
// in the list of options.
type programOption struct {
	name  string // for an error
	value any
	taken bool
}

// WithProgramOption carries value to the program that runs the Service, such
// as function.Main or server.Main, which takes it with [ProgramOptions]. With
// it, a package can offer an option for the list that both programs share.
// [New] does not use value. It fails with an error that contains name if no
// program has taken the value.
func WithProgramOption(name string, value any) Option {
	o := &programOption{name: name, value: value}
	return func(c *config) { c.program = append(c.program, o) }
}

// ProgramOptions returns the values of type T that options carry, in order. A
// program calls it before it calls [New] with the same options.
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

// checkProgram returns an error for an option that no program has taken.
func (c *config) checkProgram() error {
	for _, o := range c.program {
		if !o.taken {
			return fmt.Errorf("%s has no effect here: pass it to the program that uses it, such as function.Main or server.Main", o.name)
		}
	}
	return nil
}
