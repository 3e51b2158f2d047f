package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// compare reports every file that is in one of the two directories alone, or differs. The error is nil when the
// directories hold the same files.
func compare(committed, fresh string) error {
	have, err := readTree(committed)
	if err != nil {
		return err
	}
	want, err := readTree(fresh)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(want)) {
		switch data, ok := have[name]; {
		case !ok:
			errs = append(errs, fmt.Errorf("generate: %s is missing", filepath.Join(committed, name)))
		case !bytes.Equal(data, want[name]):
			errs = append(errs, fmt.Errorf("generate: %s is not current", filepath.Join(committed, name)))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if _, ok := want[name]; !ok {
			errs = append(errs, fmt.Errorf("generate: %s comes from no .proto file", filepath.Join(committed, name)))
		}
	}
	return errors.Join(errs...)
}

// readTree returns the content of every file below dir by its path relative to dir.
func readTree(dir string) (map[string][]byte, error) {
	tree := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		tree[name], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("generate: reading %s: %w", dir, err)
	}
	return tree, nil
}
