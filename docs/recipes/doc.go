// Package recipes holds the code that docs/recipes.md and docs/migrate.md
// quote, as tests. It is a separate module, so that what the recipes import
// is not a dependency of the library.
package recipes
