package recipes_test

import (
	"encoding/json"
	"net/http/httptest"
)

// violations returns the fields and rules that a response of validation names.
func violations(w *httptest.ResponseRecorder) []string {
	var body struct {
		Details []struct {
			Type       string `json:"@type"`
			Violations []struct {
				Field struct {
					Elements []struct{ FieldName string }
				}
				RuleID string
			}
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		return []string{err.Error()}
	}
	var all []string
	for _, d := range body.Details {
		for _, v := range d.Violations {
			for _, e := range v.Field.Elements {
				all = append(all, e.FieldName+": "+v.RuleID)
			}
		}
	}
	return all
}
