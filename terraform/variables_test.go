package terraform_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A user whose value is refused must read which variable it was; terraform prints
// the variable's name beside the message, but not every tool around it does.
func TestVariables(t *testing.T) {
	for _, module := range []string{".", "vpc-lattice"} {
		t.Run(module, func(t *testing.T) { testVariables(t, module) })
	}
}

func testVariables(t *testing.T, module string) {
	refused := refusals(t, module)
	for name, body := range variables(t, module) {
		t.Run(name, func(t *testing.T) {
			for _, argument := range []string{"description", "type"} {
				if !regexp.MustCompile(`(?m)^  ` + argument + `\s*=`).MatchString(body) {
					t.Errorf("no %s", argument)
				}
			}
			messages := regexp.MustCompile(`(?m)^    error_message\s*=\s*"(.*)"$`).FindAllStringSubmatch(body, -1)
			if blocks := strings.Count(body, "\n  validation {"); blocks != len(messages) {
				t.Errorf("%d validations, %d messages", blocks, len(messages))
			}
			if len(messages) == 0 && !strings.Contains(body, "= bool\n") {
				t.Error("no validation, and it is not a bool")
			}
			for _, message := range messages {
				if !strings.HasPrefix(message[1], name) {
					t.Errorf("a message does not begin with the variable's name: %s", message[1])
				}
				if !strings.Contains(message[1], " must ") && !strings.Contains(message[1], "allowed") {
					t.Errorf("a message does not say what is allowed: %s", message[1])
				}
			}
			if refused[name] < len(messages) {
				t.Errorf("%d validations, but only %d runs expect a refusal", len(messages), refused[name])
			}
		})
	}
}

// variables returns the body of each variable block of a module by name.
func variables(t *testing.T, module string) map[string]string {
	t.Helper()
	block := regexp.MustCompile(`(?ms)^variable "(\w+)" \{\n(.*?)^\}$`)
	bodies := map[string]string{}
	for _, file := range glob(t, filepath.Join(module, "*.tf")) {
		for _, found := range block.FindAllStringSubmatch(read(t, file), -1) {
			bodies[found[1]] = "\n" + found[2]
		}
	}
	if len(bodies) == 0 {
		t.Fatal("no variables found")
	}
	return bodies
}

// refusals counts the test runs that expect each variable to be refused.
func refusals(t *testing.T, module string) map[string]int {
	t.Helper()
	expected := regexp.MustCompile(`(?m)^  expect_failures = \[var\.(\w+)\]$`)
	count := map[string]int{}
	for _, file := range glob(t, filepath.Join(module, "tests", "*.tftest.hcl")) {
		for _, found := range expected.FindAllStringSubmatch(read(t, file), -1) {
			count[found[1]]++
		}
	}
	return count
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return files
}
