package event

// Variables is the text of a JSON object of strings, such as
// {"id":"7","proxy":"a/b"}, from an event. It is empty if there are none. Each
// call of Get or Map parses it.
type Variables string

// Get returns the variable called name, or "" if there is none.
func (v Variables) Get(name string) string { return v.Map()[name] }

// Map returns the variables in a new map, or nil if there are none. A value that
// is not a string is represented by its JSON text.
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
