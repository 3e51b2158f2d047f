package event

// Variables are the members of a JSON object of strings, such as
// {"id":"7","proxy":"a/b"}. It is the text that the event has, which is read when
// it is asked for. Empty means that there are none.
type Variables string

// Get returns the variable with that name, and "" if there is none.
func (v Variables) Get(name string) string { return v.Map()[name] }

// Map returns the variables in a map that is the caller's, and nil if there are
// none. A value that is not a string is there as its JSON text.
func (v Variables) Map() map[string]string {
	if v == "" {
		return nil
	}
	variables := make(map[string]string)
	p := parser{s: string(v)}
	p.object(func(name string) {
		switch p.peek() {
		case '{', '[':
			variables[name] = p.raw()
		default:
			variables[name] = p.text()
		}
	})
	if p.err != nil || len(variables) == 0 {
		return nil
	}
	return variables
}
