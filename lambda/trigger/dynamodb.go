package trigger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// dynamoDBItem decodes a record of a table's stream. The item's body has
// eventName, keys, newImage and oldImage, with the attributes as plain JSON. An
// error fails only this record if the item has a receipt, and otherwise the whole
// event.
func dynamoDBItem(record json.RawMessage) (Item, error) {
	var r struct {
		EventID        string
		EventName      string
		EventSourceARN string
		DynamoDB       struct {
			ApproximateCreationDateTime float64
			SequenceNumber              string
			Keys, NewImage, OldImage    map[string]json.RawMessage
		}
	}
	err := json.Unmarshal(record, &r)
	d := r.DynamoDB
	if d.SequenceNumber == "" {
		return Item{}, errors.New("a record has no dynamodb.SequenceNumber")
	}
	name, _ := json.Marshal(r.EventName) // a string always encodes
	body := append([]byte(`{"eventName":`), name...)
	for _, image := range []struct {
		name   string
		values map[string]json.RawMessage
	}{{"keys", d.Keys}, {"newImage", d.NewImage}, {"oldImage", d.OldImage}} {
		if image.values == nil || err != nil {
			continue
		}
		body = append(body, `,"`+image.name+`":`...)
		body, err = appendAttributes(body, image.values, 0)
	}
	return Item{
		Source: dynamoDB, ID: r.EventID, ARN: r.EventSourceARN, Type: r.EventName,
		Time: fromSeconds(d.ApproximateCreationDateTime), Body: append(body, '}'),
		Properties: map[string]string{"SequenceNumber": d.SequenceNumber}, receipt: d.SequenceNumber,
	}, err
}

// maxDepth limits the nesting of attributes. DynamoDB's own limit is 32 levels.
const maxDepth = 64

// appendAttributes appends a map of attributes to out as a JSON object.
func appendAttributes(out []byte, values map[string]json.RawMessage, depth int) ([]byte, error) {
	out = append(out, '{')
	for i, name := range slices.Sorted(maps.Keys(values)) {
		if i > 0 {
			out = append(out, ',')
		}
		quoted, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		out = append(append(out, quoted...), ':')
		if out, err = appendAttribute(out, values[name], depth); err != nil {
			return nil, err
		}
	}
	return append(out, '}'), nil
}

// appendAttribute appends a value such as {"S":"text"} to out as plain JSON:
// numbers unchanged, binary data in base64, sets as arrays.
func appendAttribute(out []byte, value json.RawMessage, depth int) ([]byte, error) {
	var typed map[string]json.RawMessage
	if err := json.Unmarshal(value, &typed); err != nil || len(typed) != 1 || depth > maxDepth {
		return nil, errAttribute
	}
	for kind, v := range typed {
		switch kind {
		case "S", "B", "BOOL":
			if kind != "BOOL" && v[0] != '"' || kind == "BOOL" && v[0] != 't' && v[0] != 'f' {
				return nil, errAttribute
			}
			return append(out, v...), nil
		case "N":
			return appendNumber(out, v)
		case "NULL":
			return append(out, "null"...), nil
		case "M":
			var m map[string]json.RawMessage
			if err := json.Unmarshal(v, &m); err != nil {
				return nil, errAttribute
			}
			return appendAttributes(out, m, depth+1)
		case "L":
			return appendArray(out, v, func(out []byte, v json.RawMessage) ([]byte, error) { return appendAttribute(out, v, depth+1) })
		case "NS":
			return appendArray(out, v, appendNumber)
		case "SS", "BS":
			return appendArray(out, v, func(out []byte, v json.RawMessage) ([]byte, error) { return append(out, v...), nil })
		}
	}
	return nil, errAttribute
}

var errAttribute = fmt.Errorf("an attribute is not of a DynamoDB type, or is nested more than %d times", maxDepth)

func appendArray(out []byte, array json.RawMessage, element func([]byte, json.RawMessage) ([]byte, error)) ([]byte, error) {
	var elements []json.RawMessage
	if err := json.Unmarshal(array, &elements); err != nil {
		return nil, errAttribute
	}
	out = append(out, '[')
	for i, e := range elements {
		if i > 0 {
			out = append(out, ',')
		}
		var err error
		if out, err = element(out, e); err != nil {
			return nil, err
		}
	}
	return append(out, ']'), nil
}

// appendNumber appends a number that is a JSON string.
func appendNumber(out []byte, quoted json.RawMessage) ([]byte, error) {
	var text string
	if err := json.Unmarshal(quoted, &text); err != nil {
		return nil, errAttribute
	}
	number := []byte(text)
	if !json.Valid(number) || len(bytes.Trim(number, "0123456789+-.eE")) > 0 {
		return nil, errAttribute
	}
	return append(out, number...), nil
}
