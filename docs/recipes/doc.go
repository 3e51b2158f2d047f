// Package recipes holds the code that docs/recipes.md and docs/migrate.md
// quote, as tests. It is a module of its own, so that what the recipes import
// is no dependency of the library.
package recipes
